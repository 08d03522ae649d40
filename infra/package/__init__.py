"""The deployment package: what is zipped and sent to Azure, with no more of the Graph SDK than is used.

    python -m infra.package [--out .local/package.zip]

The SDK has a file for each type of Microsoft Graph, 17,000 of them; this product uses its adapter and its errors. Which
files these are is found by running the contract tests of the Graph adapter with every file in place and looking at what
was imported; the trimmed package then has to pass the same tests, so that one which lacks a file is never written.
"""
