/** Rows as columns of equal width; numbers to the right. */
export function table(rows: (string | number)[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? "").length)));
  const cellOf = (cell: string | number, width: number) =>
    typeof cell === "number" ? String(cell).padStart(width) : cell.padEnd(width);
  return rows
    .map((row) => `  ${row.map((cell, column) => cellOf(cell, widths[column] ?? 0)).join("   ")}`.trimEnd())
    .join("\n");
}
