"""What the portal uses of others: released files of Fluent UI, copied into `shared/portal/vendor`.

    python -m infra.portal_vendor.vendor

Run it after changing a version here; nothing is fetched when the portal is built, served or opened.
"""
