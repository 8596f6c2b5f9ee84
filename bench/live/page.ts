/** docs/live.md: its words stay, its tables are made anew. */

/** The page with other tables between the marks of a kernel. Throws where the page has none. */
export function withTables(page: string, kernel: string, tables: string): string {
  const [start, end] = [`<!-- bench: ${kernel} -->`, `<!-- end: ${kernel} -->`];
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`write docs/live.md: it has no place ${start} ... ${end}`);
  return `${page.slice(0, from)}${start}\n\n${tables}\n\n${page.slice(to)}`;
}
