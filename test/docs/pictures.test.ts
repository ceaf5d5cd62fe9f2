import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const docs = join(import.meta.dirname, "../../docs");

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}
interface Text {
  x: number;
  y: number;
  anchor: string;
  classes: string[];
  text: string;
}

/** Width of a character in em in Verdana and DejaVu Sans, the widest of the usual sans-serif fonts. */
function advance(character: string): number {
  if (/[ijl'|]/.test(character)) return 0.28;
  if (/[ .,:;()tfrI-]/.test(character)) return 0.43;
  if (/[mwMW%]/.test(character)) return 0.98;
  if (/[A-Z]/.test(character)) return 0.75;
  return 0.64;
}

/** Font sizes of the pictures' classes. */
const sizes: [string, number][] = [
  ["head", 15],
  ["small", 12],
  ["onbar", 12],
  ["name", 11.5],
];

function widthOf({ text, classes }: Text): number {
  if (classes.includes("mono")) return text.length * 12 * 0.61;
  const size = sizes.find(([name]) => classes.includes(name))?.[1] ?? 13;
  const bold = classes.includes("head") || classes.includes("name") ? 1.13 : 1;
  return [...text].reduce((sum, character) => sum + advance(character), 0) * size * bold;
}

function spanOf(text: Text): [number, number] {
  const width = widthOf(text);
  const left = text.anchor === "middle" ? text.x - width / 2 : text.anchor === "end" ? text.x - width : text.x;
  return [left, left + width];
}

/** Attributes and content of all elements of a name. */
function elements(svg: string, name: string): { attributes: Record<string, string>; content: string }[] {
  return [...svg.matchAll(new RegExp(`<${name} ([^>]*?)(?:/>|>([^<]*)</${name}>)`, "g"))].map(
    ([, attributes = "", content = ""]) => ({
      attributes: Object.fromEntries(
        [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
      ),
      content,
    }),
  );
}

/** The space between a text and the edges of the picture, its box and its neighbors. */
function overflows(svg: string): string[] {
  const width = Number(/<svg [^>]*width="(\d+)"/.exec(svg)?.[1]);
  const boxes: Box[] = elements(svg, "rect").map(({ attributes: { x, y, width, height } }) => ({
    x: Number(x),
    y: Number(y),
    width: Number(width),
    height: Number(height),
  }));
  const texts: Text[] = elements(svg, "text").map(({ attributes, content }) => ({
    x: Number(attributes.x),
    y: Number(attributes.y),
    anchor: attributes["text-anchor"] ?? "start",
    classes: (attributes.class ?? "").split(" "),
    text: content,
  }));
  const holds = (box: Box, { x, y }: Text) =>
    x >= box.x && x <= box.x + box.width && y - 4 >= box.y && y - 4 <= box.y + box.height;
  return texts
    .filter((text) => {
      const [left, right] = spanOf(text);
      const inside = boxes.filter((box) => holds(box, text));
      const beside = boxes.filter(
        (box) => !inside.includes(box) && text.y - 4 >= box.y && text.y - 4 <= box.y + box.height,
      );
      const others = texts.filter((other) => other !== text && Math.abs(other.y - text.y) < 8).map(spanOf);
      const lefts = [
        0,
        ...inside.map((box) => box.x + 2),
        ...beside.filter((box) => box.x < text.x).map((box) => box.x + box.width),
      ];
      const rights = [
        width,
        ...inside.map((box) => box.x + box.width - 2),
        ...beside.filter((box) => box.x > text.x).map(({ x }) => x),
      ];
      const meets = others.some(([from, to]) => left < to && from < right);
      return left < Math.max(...lefts) || right > Math.min(...rights) || meets;
    })
    .map(({ text }) => text);
}

test.each(["overview.svg", "resources.svg", "benchmarks.svg"])(
  "every text of %s fits its place, in a wide font too",
  (file) => {
    const svg = readFileSync(join(docs, file), "utf8");
    expect(elements(svg, "text").length).toBeGreaterThan(15);
    expect(overflows(svg)).toEqual([]);
  },
);
