import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import { readYamlDocuments } from '#lib/profile/yaml/read-yaml';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { plainJson } from '#test/support/plain-json';

const resource = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n';
const limits = { bytes: 1_000_000, depth: 16, values: 1_000 };

/** The values of one member, in many spellings; and whole lines. */
const values = [
  ...'0o17 017 0x1f 0b11 08 0_7 1_000 0_ -_1 +_1 0x 0x_ -0x1 1_0.5 .1_0 ._1 .5_ 3.0_0 1e1_0 08.5'.split(' '),
  ...'yes no on off y N Yes YES nO oN TRUE tRue ~ NULL nULL .inf .NaN 1e400 1:30 2001-01-01 = <<'.split(' '),
  ...['"yes"', "'on'", '"0x1"', '|\n  yes', '"\\u2028"', '"a\\\n  b"', '>-\n  a\n\n  b', '[y, 017, 1_0]'],
  ...['\u0007', '\u007f', '\uffff', '\ufeffb', '\u200b', 'b\u00a0c', '"b\u2028c"', 'b\u0085c: d'],
];
const lines = [
  ...['# c\rk: 1\n', '# c\u2028k: 1\n', '# c\u2029k: 1\n', '# c\u0085k: 1\n', '# \u0001\n', 'k: 1\r\n'],
  ...['<<: {b: 1}\n', 'k:\n  <<: {b: 1}\n', 'k: {"<<": {b: 1}}\n', 'yes: a\n', 'k: {on: 1}\n', '1: a\n', '0_1: a\n'],
  ...['k: 1\nk: 2\n', '? k\n: 1\n', '"k":1\n', 'k:1\n', 'k: a: b\n', 'k: a#b\n', '\tk: 1\n', 'k:\t1\n'],
];

describePeers(['kubectl'], 'YAML in the eyes of kubectl', () => {
  for (const given of [...values.map((value) => `k: ${value}\n`), ...lines]) {
    it(`is refused, or reads the same: ${JSON.stringify(given)}`, async () => {
      const whole = `${given}${resource}`;
      const ours = attempt(() =>
        readYamlDocuments(Buffer.from(whole), 'p.yaml', limits).map(({ root }) => plainJson(root)),
      );
      if (ours === undefined) return;
      assert.deepEqual(ours, [await readByKubectl(whole)]);
    });
  }
});

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    assert.match(String(error), /^FairleadError: p\.yaml:\d+:\d+: not valid YAML/);
    return undefined;
  }
}

/** Returns what kubectl makes of a resource, without a server; `undefined` where it refuses it. */
async function readByKubectl(whole: string): Promise<unknown> {
  const args = ['annotate', '--local', '-f', '-', 'seen=yes', '-o', 'json', '--kubeconfig', '/dev/null'];
  const kubectl = spawn(peer('kubectl'), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  kubectl.stdin.end(whole);
  const [out, , code] = await Promise.all([
    text(kubectl.stdout),
    text(kubectl.stderr),
    new Promise((resolve) => kubectl.once('close', resolve)),
  ]);
  if (code !== 0) return undefined;
  const { metadata, ...rest } = JSON.parse(out);
  return { ...rest, metadata: { name: metadata.name } };
}
