/** CSV import: choose a file, preview its effect, correct its columns, import it and show the refused rows. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { count, number, words } from "../format.js";
import { columnChoice } from "../parts/columns.js";
import { dialog } from "../parts/dialog.js";
import { action, field, notice, problem, select, table } from "../parts/ui.js";
import { isTooLarge, uploadImport } from "../parts/upload.js";

const MODES = [
  ["merge", "Add and update rows. Keep all other recipients."],
  ["overwrite", "Replace earlier files. Also deactivate recipients of earlier files that this file does not contain."],
];

const LOOK_ALIKES = "They have the same names as recipients that the file does not contain, but other e-mail addresses or employee IDs. Perhaps another column has the addresses. If you import the file all the same, they are added a second time.";

export async function importFile(path, reload) {
  const location = path.replace(/\/recipients$/, "");
  let approve = "";
  const result = h("div", { class: "stack", "aria-live": "polite" });
  const restart = () => {
    approve = "";
    replace(result);
  };
  const columns = await columnChoice(location, () => {
    approve = "";
    replace(result, notice("info", "You have changed the columns.", "Preview the file again, or import it."));
  });
  const file = h("input", { type: "file", accept: ".csv,text/csv,text/plain,.txt,.tsv", name: "file", onchange: () => (restart(), columns.reset()) });
  const mode = select(MODES, "merge", { name: "mode", onchange: restart });
  const query = (more = {}) => {
    const given = columns.given();
    return new URLSearchParams({ mode: mode.value, ...(given ? { columns: JSON.stringify(given) } : {}), ...more });
  };
  const fail = (error) => {
    replace(result, problem(error), error.body?.problems && rows(error.body.problems));
    if (error.body?.usedColumns) columns.show(error.body, { open: true });
  };
  const previewFile = async () => {
    if (!file.files.length) throw new api.Problem(400, { detail: "Choose a file first." });
    try {
      const preview = await api.upload(`${path}?${query({ dryRun: true })}`, file.files[0]);
      replace(result, outcome(preview, { preview: true }));
      columns.show(preview, { open: preview.unusedColumns.length > 0 });
    } catch (error) {
      if (isTooLarge(error)) return replace(result, notice("info", "This file is too large for a preview.", "You can import it. The rows are checked first; if one is invalid, nothing is imported."));
      if (!error.body?.problems && !error.body?.usedColumns) throw error;
      fail(error);
    }
  };
  const send = async () => {
    const approved = approve ? { approve } : {};
    try {
      return await api.upload(`${path}?${query(approved)}`, file.files[0]);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      const progress = (text, share) => replace(result, notice("info", "This is a large file.", text, h("progress", { value: share, "aria-label": "Progress" })));
      return uploadImport(location, file.files[0], { query: query(), approve, progress });
    }
  };
  const form = h(
    "div",
    { class: "stack" },
    field("File", file, "Columns in any order, for example Name, E-mail and Department, or the columns of an export. All rows are checked before the import starts."),
    field("Import mode", mode),
    columns.memory,
    h("div", { class: "row" }, action("Preview", previewFile, result)),
    result,
    columns.element,
  );
  dialog("Import a CSV file", form, {
    label: "Import",
    wide: true,
    done: async () => {
      if (!file.files.length) throw new api.Problem(400, { detail: "Choose a file first." });
      let done;
      try {
        done = await send();
      } catch (error) {
        fail(error);
        throw error;
      }
      approve = done.heldDigest ?? "";
      replace(result, outcome(done));
      columns.show(done, { open: done.unusedColumns.length > 0 });
      await reload();
      if (approve) throw new api.Problem(0, { detail: done.lookAlikes > 0 ? "Nothing was imported. Press Import again to import the file all the same." : "Press Import again to deactivate them." });
      if (done.refused.length > 0) throw new api.Problem(0, { detail: "The file was imported, but some rows were refused. See the list." });
    },
  });
}

function outcome(done, { preview = false } = {}) {
  const { counts } = done;
  const text = `${number(counts.created)} ${preview ? "would be " : ""}added, ${number(counts.updated + counts.reactivated)} changed, ${number(counts.deactivated)} deactivated, ${number(done.unchanged)} unchanged.`;
  return [
    done.lookAlikes > 0 && notice("warning", `${count(done.lookAlikes, "new person looks like an existing recipient", "new people look like existing recipients")}.`, LOOK_ALIKES),
    (preview || done.lookAlikes === 0) && notice(preview ? "info" : "success", `${count(done.rows, "row")} read`, `${text}${preview ? " Nothing was imported yet." : ""}`),
    done.guessedNames.length > 0 && notice("warning", "Check the special characters.", `Are these names right? ${done.guessedNames.join(", ")}. If not, save the file again as CSV (UTF-8).`),
    done.held > 0 && notice("warning", `${count(done.held, "person", "people")} would be deactivated. This exceeds the deactivation limit.`, "To deactivate exactly these people, import the file again."),
    done.lookAlikes > 0 && table("People who look like existing recipients", ["Line", "Details"], done.lookAlikeRows.map((row) => [`Line ${number(row.line)}`, row.detail])),
    done.refused.length > 0 && rows(done.refused),
  ];
}

const rows = (problems) => table("Rows with problems", ["Line", "Problem", "Details"], problems.map((row) => [`Line ${number(row.line)}`, words(row.code), row.detail]));
