"""Azure's side (azure/) and a laptop's side (local/). Never imported by the product."""
