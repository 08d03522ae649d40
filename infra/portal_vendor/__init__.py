"""Third-party files of the portal: released files of Fluent UI, copied into `shared/portal/vendor`.

    python -m infra.portal_vendor.vendor

Run it after changing a version here. Building, serving and opening the portal download nothing.
"""
