/** The fields of a person, as the API describes them: no list of fields is written down in the portal. */

import * as api from "./api.js";

let description = null;

/** Reads the API's description once; after a failure the next call tries again. */
async function schemas() {
  description ??= api.get("openapi.json");
  try {
    return (await description).components.schemas;
  } catch (error) {
    description = null;
    throw error;
  }
}

export const readEditable = async () => editable(await schemas());
export const readFilterable = async () => filterable(await schemas());

/** `[name, label]` of each field that a person can edit. */
export const editable = ({ RecipientBody }) =>
  Object.entries(RecipientBody.properties).filter(([, schema]) => schema.title).map(([name, schema]) => [name, schema.title]);

/** `[name, label]` of each attribute that filters and location rules can use. */
export const filterable = ({ AttributeFilter }) => AttributeFilter.properties.attribute.oneOf.map((option) => [option.const, option.title]);
