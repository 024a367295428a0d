import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Pack, pack } from 'tar-stream';
import { isTar, readTar } from './tar.ts';

async function packed(fill: (archive: Pack) => void): Promise<Uint8Array> {
  const archive = pack();
  fill(archive);
  archive.finalize();
  return new Uint8Array(await buffer(archive));
}
const texts = (bytes: Uint8Array) => readTar(bytes).map((file) => [file.path, Buffer.from(file.bytes).toString()]);

describe('readTar', () => {
  it('reads what tar-stream packs, names of any length and any script among them', async () => {
    const name = fc
      .string({ unit: fc.constantFrom(...'abc/._ ö語'), minLength: 1, maxLength: 260 })
      .map((text) => `a${text}b`);
    const files = fc.uniqueArray(fc.tuple(name, fc.string({ maxLength: 1_200 })), {
      maxLength: 5,
      selector: ([each]) => each,
    });
    await fc.assert(
      fc.asyncProperty(files, async (given) => {
        const bytes = await packed((archive) => {
          for (const [path, text] of given) archive.entry({ name: path }, text);
        });
        assert.deepEqual(texts(bytes), given);
        assert.equal(isTar(bytes), given.length > 0);
      }),
      { numRuns: 200 },
    );
  });

  it('takes regular files alone', async () => {
    const bytes = await packed((archive) => {
      archive.entry({ name: './etc', type: 'directory' });
      archive.entry({ name: './etc/link.json', type: 'symlink', linkname: '/etc/passwd' });
      archive.entry({ name: './etc/hard.json', type: 'link', linkname: 'a.json' });
      archive.entry({ name: './etc/fifo.json', type: 'fifo' });
      archive.entry({ name: './etc/a.json' }, '{}');
    });
    assert.deepEqual(texts(bytes), [['etc/a.json', '{}']]);
  });

  it('refuses what is cut short, damaged or without an end', async () => {
    const bytes = await packed((archive) => archive.entry({ name: 'a.json' }, 'x'.repeat(600)));
    const damaged = Uint8Array.from(bytes);
    damaged[0] = 0x62;
    assert.throws(() => readTar(damaged), { name: 'RangeError', message: /a header is damaged/ });
    assert.throws(() => readTar(bytes.subarray(0, 900)), { name: 'RangeError', message: /truncated/ });
    assert.throws(() => readTar(bytes.subarray(0, 1_536)), { name: 'RangeError', message: /no end/ });
    const many = await packed((archive) => {
      for (let index = 0; index < 1_025; index += 1) archive.entry({ name: `${index}` }, '');
    });
    assert.throws(() => readTar(many), { name: 'RangeError', message: /more than 1024 entries/ });
  });

  it('survives any bytes: files or a RangeError', async () => {
    const bytes = await packed((archive) => archive.entry({ name: 'ü'.repeat(150) }, 'x'.repeat(600)));
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), fc.nat(bytes.length), (changes, length) => {
        const mutated = Uint8Array.from(bytes.subarray(0, length));
        for (const [at, byte] of changes) if (at < length) mutated[at] = byte;
        try {
          readTar(mutated);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
      }),
      { numRuns: 3_000 },
    );
  });

  const { stdout = '' } = spawnSync('tar', ['--version'], { encoding: 'utf8' });
  it('reads what GNU tar packs, in each of its formats', { skip: !/GNU tar/.test(stdout) }, () => {
    const directory = mkdtempSync(join(tmpdir(), 'fairlead-tar-'));
    try {
      const long = `${'n'.repeat(90)}/${'m'.repeat(80)}.json`;
      mkdirSync(join(directory, 'n'.repeat(90)));
      const given = new Map([
        ['a.json', '{}'],
        [long, 'x'.repeat(513)],
      ]);
      for (const [path, text] of given) writeFileSync(join(directory, path), text);
      symlinkSync('a.json', join(directory, 'link.json'));
      for (const format of ['gnu', 'oldgnu', 'pax', 'ustar']) {
        const bytes = execFileSync('tar', [`--format=${format}`, '--create', '--directory', directory, '.']);
        assert.ok(isTar(bytes), format);
        assert.deepEqual(new Map(texts(bytes) as [string, string][]), given, format);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
