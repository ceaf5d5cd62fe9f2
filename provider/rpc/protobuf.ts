/**
 * The protobuf wire format, as far as property maps need it (https://protobuf.dev/programming-guides/encoding/). The generated
 * classes of google-protobuf create three objects per value, which was a third of a preview's CPU time in the plugin.
 */
import { Buffer } from "node:buffer";

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Reads the fields of a message in order. */
export class MessageReader {
  /** Number of the current field. */
  field = 0;
  readonly #bytes: Buffer;
  readonly #end: number;
  #position: number;
  #fieldStart = 0;
  #wireType = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
    this.#end = end;
  }

  /** Goes to the next field, whose value must then be read or skipped. False at the end of the message. */
  next(): boolean {
    if (this.#position >= this.#end) return false;
    this.#fieldStart = this.#position;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    return true;
  }

  bool(): boolean {
    return this.#varint() !== 0;
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#skip(8));
  }

  string(): string {
    const length = this.#varint();
    const start = this.#skip(length);
    return this.#bytes.toString("utf8", start, start + length);
  }

  /** The value of the current field, which is a message itself. */
  message(): MessageReader {
    const length = this.#varint();
    const start = this.#skip(length);
    return new MessageReader(this.#bytes, start, start + length);
  }

  /** As `message`, undecoded. */
  bytes(): Buffer {
    const length = this.#varint();
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Skips the value of the current field. Returns the field, still encoded. */
  skip(): Buffer {
    if (this.#wireType === wireTypes.varint) this.#varint();
    else if (this.#wireType === wireTypes.fixed64) this.#skip(8);
    else if (this.#wireType === wireTypes.fixed32) this.#skip(4);
    else if (this.#wireType === wireTypes.bytes) this.#skip(this.#varint());
    else throw new Error(`the protobuf field ${this.field} has an unknown wire type: ${this.#wireType}`);
    return this.#bytes.subarray(this.#fieldStart, this.#position);
  }

  #varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      if (this.#position >= this.#end) throw new Error("a protobuf message ends in the middle of a number");
      const byte = this.#bytes[this.#position++] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  /** Returns the position before. */
  #skip(length: number): number {
    const start = this.#position;
    if (start + length > this.#end) throw new Error("a protobuf message ends in the middle of a field");
    this.#position += length;
    return start;
  }
}

/** Writes a message from its end to its start, so that the length of a nested message is known when it is written. */
export class MessageWriter {
  #bytes = Buffer.allocUnsafe(1024);
  #start = this.#bytes.length;

  bool(field: number, value: boolean): void {
    this.#varint(value ? 1 : 0);
    this.#varint(field * 8 + wireTypes.varint);
  }

  double(field: number, value: number): void {
    const start = this.#reserve(8);
    this.#bytes.writeDoubleLE(value, start);
    this.#varint(field * 8 + wireTypes.fixed64);
  }

  string(field: number, value: string): void {
    const length = Buffer.byteLength(value);
    const start = this.#reserve(length);
    this.#bytes.write(value, start, "utf8");
    this.#close(field, length);
  }

  bytes(field: number, value: Uint8Array): void {
    const start = this.#reserve(value.length);
    this.#bytes.set(value, start);
    this.#close(field, value.length);
  }

  /** Writes a nested message; `write` writes its last field first. */
  message(field: number, write: () => void): void {
    const end = this.#bytes.length - this.#start;
    write();
    this.#close(field, this.#bytes.length - this.#start - end);
  }

  /** The message so far. */
  finish(): Buffer {
    return this.#bytes.subarray(this.#start);
  }

  #close(field: number, length: number): void {
    this.#varint(length);
    this.#varint(field * 8 + wireTypes.bytes);
  }

  #varint(value: number): void {
    let length = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
    let at = this.#reserve(length);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[at++] = (rest % 128) | 128;
    this.#bytes[at] = rest;
  }

  /** Makes room in front of the message, possibly in a new buffer. Returns its position. */
  #reserve(length: number): number {
    if (length > this.#start) {
      const used = this.#bytes.length - this.#start;
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, used + length));
      this.#bytes.copy(larger, larger.length - used, this.#start);
      this.#bytes = larger;
      this.#start = larger.length - used;
    }
    this.#start -= length;
    return this.#start;
  }
}
