export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** Numbers stand right, words left. */
  readonly align?: 'left' | 'right';
}

/** A table as lines of text: a title row, a rule, the rows. A row with `undefined` is a rule between groups. */
export function renderTable<Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row | undefined>,
): string[] {
  const cells = rows.map((row) =>
    row === undefined ? undefined : columns.map((column) => column.value(row)),
  );
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => row?.[index]?.length ?? 0)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.align === 'left' ? text.padEnd(width) : text.padStart(width);
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return [
    line(columns.map((column) => column.title)),
    rule,
    ...cells.map((row) => (row === undefined ? rule : line(row))),
  ];
}
