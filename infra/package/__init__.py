"""Build the deployment package: a zip with the product and the parts of the Graph SDK that it uses.

    python -m infra.package [--out .local/package.zip]

The SDK has a file for each type of Microsoft Graph, 17,000 in total. The product uses its adapter and its errors.
The build runs the contract tests of the Graph adapter with the complete SDK and records the imported files. It then
runs the same tests with only these files, so a package that lacks a file is never written.
"""
