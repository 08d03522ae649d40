#!/usr/bin/env bash
# Register an application in the operator's directory. Run it after `azd provision`, signed in with `az login` as a
# person who may register applications. Running it again changes nothing that exists.
#
#   infra/azure/register_app.sh sign-in     people sign in to the portal with it
#   infra/azure/register_app.sh directory   customers consent to it in place of registering one of their own
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kind=${1:-}
case "$kind" in
  sign-in) name="Recipient Sync (${AZURE_ENV_NAME:-$(azd env get-value AZURE_ENV_NAME)})" ;;
  directory) name="Recipient Sync directory reader (${AZURE_ENV_NAME:-$(azd env get-value AZURE_ENV_NAME)})" ;;
  *) echo "Usage: $0 sign-in|directory" >&2; exit 2 ;;
esac
endpoint=$(azd env get-value SERVICE_API_ENDPOINT)
principal=$(azd env get-value IDENTITY_PRINCIPAL_ID)
tenant=$(az account show --query tenantId --output tsv)

client=$(az ad app list --display-name "$name" --query "[0].appId" --output tsv)
if [ -z "$client" ]; then
  client=$(az ad app create --display-name "$name" --sign-in-audience AzureADMultipleOrgs --query appId --output tsv)
fi
if [ "$kind" = sign-in ]; then
  az ad app update --id "$client" --app-roles @"$here/app_roles.json" --enable-id-token-issuance true \
    --web-redirect-uris "$endpoint/.auth/login/aad/callback"
else
  az ad app update --id "$client" --required-resource-accesses @"$here/graph_permissions.json" \
    --web-redirect-uris "$endpoint/api/portal"
fi
if [ -z "$(az ad sp list --filter "appId eq '$client'" --query "[0].id" --output tsv)" ]; then
  az ad sp create --id "$client" --output none
fi
# The managed identity proves that it is this application, so there is no client secret that could leak or expire.
if [ -z "$(az ad app federated-credential list --id "$client" --query "[?subject=='$principal'].id" --output tsv)" ]; then
  az ad app federated-credential create --id "$client" --output none --parameters "{
    \"name\": \"recipient-sync\",
    \"issuer\": \"https://login.microsoftonline.com/$tenant/v2.0\",
    \"subject\": \"$principal\",
    \"audiences\": [\"api://AzureADTokenExchange\"]
  }"
fi

if [ "$kind" = sign-in ]; then
  cat <<END
Client id of the sign-in application: $client

Turn sign-in on:
  azd env set SIGN_IN_CLIENT_ID $client
  azd provision

Assign the role Operator to yourself: Entra admin center, Enterprise applications, "$name", Users and groups.
Customers assign TenantAdmin in the same place of their own directory, after one of them has signed in once.
END
else
  cat <<END
Client id of the directory application: $client

Give this link to the admin of a customer, with the id of the customer's directory in place of CUSTOMER:
  https://login.microsoftonline.com/CUSTOMER/v2.0/adminconsent?client_id=$client&scope=https://graph.microsoft.com/.default&redirect_uri=$endpoint/api/portal

Then connect the directory without a secret, with the object id of the enterprise application that the consent created:
  python -m shared.cli connect TENANT --tenant-id CUSTOMER --client-id $client --object-id OBJECT --federated
END
fi
