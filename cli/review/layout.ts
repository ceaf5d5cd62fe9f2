/** GitHub refuses longer comments. */
export const maxCharacters = 65_536;
/** The most lines of a review. */
export const maxLines = 60;

/** A part of a review: a title and its items, which are cut if there are too many. */
export interface Section {
  title: string;
  items: string[];
  /** Folded items, in addition. */
  details?: { summary: string; items: string[] };
}

/** What a title, an empty line and the folding take. */
const around = 2;
const aroundDetails = 4;

/** The head in full, then the sections, within the given number of lines and characters. */
export function layOut(head: string[], sections: Section[]): string {
  const fixed = head.length + sections.length * around;
  const wanted = sections.map(({ items }) => items.length);
  const given = shares(wanted, maxLines - fixed);
  const used = fixed + given.reduce((sum, lines) => sum + lines, 0);
  const details = sections.map(({ details }) =>
    details && details.items.length > 0 ? details.items.length + aroundDetails : 0,
  );
  const folded = shares(details, maxLines - used).map((lines) => lines - aroundDetails);
  let room = maxCharacters - 500 - head.join("\n").length;
  const lines = sections.flatMap((section, index) => {
    const fitting = linesOf(section, given[index] ?? 0, folded[index] ?? 0, room);
    room -= fitting.join("\n").length + 2;
    return ["", ...fitting];
  });
  return [...head, ...lines].join("\n");
}

function linesOf({ title, items, details }: Section, lines: number, folded: number, room: number): string[] {
  const shown = cut(items, lines, room - title.length);
  const body = [title, ...shown];
  if (!details || folded < 1) return body;
  const left = room - body.join("\n").length - details.summary.length - 50;
  const inside = cut(details.items, folded, left);
  if (inside.length === 0) return body;
  return [...body, `<details><summary>${details.summary}</summary>`, "", ...inside, "", "</details>"];
}

/** The first items that fit, and how many more there are. */
function cut(items: string[], lines: number, characters: number): string[] {
  const shown: string[] = [];
  let length = 0;
  for (const item of items) {
    length += item.length + 1;
    if (length > characters || shown.length === lines) break;
    shown.push(item);
  }
  if (shown.length === items.length || lines < 1) return shown;
  // The last line says what is missing.
  const kept = shown.slice(0, Math.max(0, lines - 1));
  return [...kept, `- and ${items.length - kept.length} more`];
}

/** Divides a number of lines: everyone gets an equal share, and what one does not need goes to the others. */
function shares(wanted: number[], total: number): number[] {
  const given = wanted.map(() => 0);
  let left = Math.max(0, total);
  while (left > 0) {
    const open = wanted.flatMap((lines, index) => ((given[index] ?? 0) < lines ? [index] : []));
    if (open.length === 0) break;
    const each = Math.max(1, Math.floor(left / open.length));
    for (const index of open) {
      const more = Math.min(each, (wanted[index] ?? 0) - (given[index] ?? 0), left);
      given[index] = (given[index] ?? 0) + more;
      left -= more;
    }
  }
  return given;
}
