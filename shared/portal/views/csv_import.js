/** CSV import: choose a file, preview its effect, import it and show the refused rows. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { count, number, words } from "../format.js";
import { dialog } from "../parts/dialog.js";
import { action, field, notice, problem, select, table } from "../parts/ui.js";
import { isTooLarge, uploadImport } from "../parts/upload.js";

const MODES = [
  ["merge", "Add and update rows. Keep all other recipients."],
  ["overwrite", "Replace earlier files. Also deactivate recipients of earlier files that this file does not contain."],
];

export function importFile(path, reload) {
  const file = h("input", { type: "file", accept: ".csv,text/csv,text/plain,.txt,.tsv", name: "file" });
  const mode = select(MODES, "merge", { name: "mode" });
  const result = h("div", { "aria-live": "polite" });
  let approve = "";
  const previewFile = async () => {
    if (!file.files.length) throw new api.Problem(400, { detail: "Choose a file first." });
    try {
      const preview = await api.upload(`${path}?${new URLSearchParams({ mode: mode.value, dryRun: true })}`, file.files[0]);
      replace(result, outcome(preview, { preview: true }));
    } catch (error) {
      if (isTooLarge(error)) return replace(result, notice("info", "This file is too large for a preview.", "You can import it. The rows are checked first; if one is invalid, nothing is imported."));
      if (!error.body?.problems) throw error;
      replace(result, problem(error), rows(error.body.problems));
    }
  };
  const send = async () => {
    const query = new URLSearchParams({ mode: mode.value, ...(approve ? { approve } : {}) });
    try {
      return await api.upload(`${path}?${query}`, file.files[0]);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      const progress = (text) => replace(result, notice("info", "This is a large file.", text));
      return uploadImport(path.replace(/\/recipients$/, ""), file.files[0], { mode: mode.value, approve, progress });
    }
  };
  const form = h(
    "div",
    { class: "stack" },
    field("File", file, "Columns in any order, for example Name, E-mail and Department, or the columns of an export. All rows are checked before the import starts."),
    field("Import mode", mode),
    h("div", { class: "row" }, action("Preview", previewFile, result)),
    result,
  );
  dialog("Import a CSV file", form, {
    label: "Import",
    wide: true,
    done: async () => {
      if (!file.files.length) throw new api.Problem(400, { detail: "Choose a file first." });
      try {
        const done = await send();
        approve = done.held ? done.heldDigest : "";
        replace(result, outcome(done));
      } catch (error) {
        replace(result, problem(error), error.body?.problems && rows(error.body.problems));
        throw error;
      }
      await reload();
      if (approve || result.querySelector("table")) throw new api.Problem(0, { detail: approve ? "Press Import again to deactivate them." : "The file was imported, but some rows were refused. See the list." });
    },
  });
}

function outcome(done, { preview = false } = {}) {
  const { counts } = done;
  const text = `${number(counts.created)} ${preview ? "would be " : ""}added, ${number(counts.updated + counts.reactivated)} changed, ${number(counts.deactivated)} deactivated, ${number(done.unchanged)} unchanged.`;
  return [
    notice(preview ? "info" : "success", `${count(done.rows, "row")} read`, `${text}${preview ? " Nothing was imported yet." : ""}`),
    done.guessedNames.length > 0 && notice("warning", "Check the special characters.", `The encoding of the file was guessed. Are these names right? ${done.guessedNames.join(", ")}`),
    done.unusedColumns.length > 0 && notice("warning", "These columns are not used.", `${done.unusedColumns.map(({ name, nearest }) => (nearest ? `${name} (did you mean ${nearest}?)` : name)).join(", ")}.`),
    done.held > 0 && notice("warning", `${count(done.held, "person", "people")} would be deactivated. This exceeds the deactivation limit.`, "To deactivate exactly these people, import the file again."),
    done.refused.length > 0 && rows(done.refused),
  ];
}

const rows = (problems) => table("Rows with problems", ["Line", "Problem", "Details"], problems.map((row) => [number(row.line), words(row.code), row.detail]));
