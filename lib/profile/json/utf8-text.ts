const chunkLength = 65_536;

/**
 * A text that grows piece by piece, as UTF-8. Joined as strings, the pieces of a mebibyte would
 * take eight times as much memory in between.
 */
export class Utf8Text {
  readonly #full: Uint8Array[] = [];
  #chunk = Buffer.allocUnsafeSlow(chunkLength);
  #length = 0;

  add(text: string): void {
    if (this.#length + text.length > this.#chunk.length) this.#nextChunk(text.length);
    const chunk = this.#chunk;
    let at = this.#length;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.#addBeyondAscii(text);
        return;
      }
      chunk[at] = code;
      at += 1;
    }
    this.#length = at;
  }

  bytes(): Uint8Array {
    const chunks = [...this.#full, this.#chunk.subarray(0, this.#length)];
    const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  #addBeyondAscii(text: string): void {
    const length = Buffer.byteLength(text);
    if (this.#length + length > this.#chunk.length) this.#nextChunk(length);
    this.#length += this.#chunk.write(text, this.#length);
  }

  #nextChunk(atLeast: number): void {
    this.#full.push(this.#chunk.subarray(0, this.#length));
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(chunkLength, atLeast));
    this.#length = 0;
  }
}
