import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apiServerBytes } from './json-size.ts';

describe('apiServerBytes', () => {
  it('counts what Go escapes in JSON at the length that it writes', () => {
    const written: [unknown, string][] = [
      [{ a: 'x<y', '&': ['>'] }, '{"a":"x\\u003cy","\\u0026":["\\u003e"]}'],
      ['😀ß', '"😀ß"'],
      ['\u2028 ä €', '"\\u2028 ä €"'],
      ['\b\f\n\u0001', '"\\u0008\\u000c\\n\\u0001"'],
      [{ a: undefined, b: null, c: 1.5 }, '{"b":null,"c":1.5}'],
      [undefined, ''],
    ];
    for (const [value, json] of written) assert.equal(apiServerBytes(value), Buffer.byteLength(json), json);
  });
});
