/** Continues a search until it has found enough, or has looked at everything. */

/** Calls `load(cursor)` for one page after the other. After each, `show(items, searched, cursor)` shows the items so far,
 *  the number of recipients that were looked at, and what leads on (null at the end); it returns false to stop. */
export async function searchOn(load, enough, show, cursor = null, items = []) {
  const wanted = items.length + enough;
  let searched = 0;
  do {
    const page = await load(cursor);
    items = [...items, ...page.recipients];
    searched += page.searched;
    cursor = page.cursor;
    if (show(items, searched, cursor) === false) return;
  } while (cursor && items.length < wanted);
}
