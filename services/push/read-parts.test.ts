import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import multipart from '@fastify/multipart';
import fastify, { type FastifyInstance } from 'fastify';
import { FairleadError } from '#lib/errors';
import { formLimits, type RequestedProfile, readParts } from './read-parts.ts';

describe('readParts', () => {
  let app: FastifyInstance;
  let read: Promise<readonly RequestedProfile[]>;
  before(async () => {
    app = fastify();
    await app.register(multipart, { limits: formLimits });
    app.post('/', async (request) => {
      read = readParts(request.parts());
      await read.catch(() => undefined);
    });
  });
  after(() => app.close());

  async function readForm(...parts: readonly string[]): Promise<readonly RequestedProfile[]> {
    const payload = Buffer.from(`${parts.map((part) => `--x\r\n${part}\r\n`).join('')}--x--\r\n`, 'latin1');
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    await app.inject({ method: 'POST', url: '/', headers, payload });
    return read;
  }
  const reference = 'content-disposition: form-data; name="reference"\r\n\r\nregistry.example.com/a:1';

  it('refuses a part without a name', async () => {
    for (const disposition of ['form-data', 'form-data; filename="p.json"', 'form-data; name=""']) {
      await assert.rejects(readForm(reference, `content-disposition: ${disposition}\r\n\r\n{}`), (error) => {
        assert.ok(error instanceof FairleadError, String(error));
        assert.match(error.message, /^unknown field "": want reference, .* or profile$/);
        return true;
      });
    }
  });

  it('returns the bytes of a profile as they were sent, and refuses one whose text the parser decodes', async () => {
    const file =
      'content-disposition: form-data; name="profile"; filename="p"\r\ncontent-type: text/plain; charset=utf-16le';
    const [profile] = await readForm(reference, `${file}\r\n\r\n{\xff\xfe}`);
    assert.deepEqual(profile?.bytes, Buffer.from('{\xff\xfe}', 'latin1'));
    for (const type of ['', '\r\ncontent-type: text/plain; charset=utf-16le', '\r\ncontent-type: application/json']) {
      const field = `content-disposition: form-data; name="profile"${type}\r\n\r\n"{}"`;
      await assert.rejects(readForm(reference, field), /^FairleadError: profile 1 is not sent as a file$/);
    }
  });
});
