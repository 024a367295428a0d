import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { followAuthorization } from './follow-authorization.ts';

const head = 'apiVersion: fairlead.dev/v1\nkind: Authorization\n';
const rule = 'rules: [{anyone: true, verbs: [read], repositories: ["**"]}]\n';

it('an authorization file takes effect on reload, the previous one stays in force if it is invalid', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-authorization-'));
  const file = join(directory, 'authorization.yaml');
  const reported: string[] = [];
  const report = (record: object): void => void reported.push(String(Reflect.get(record, 'messageId')));
  const source = await followAuthorization(file, { log: { info: report, warn: report, error: report } });
  try {
    assert.deepEqual([source.current.rules.length, source.inForce], [0, false]);
    await writeFile(file, `${head}issuers: [{issuer: "https://a.example.com", tokenFile: token}]\n${rule}`);
    await source.reload();
    assert.deepEqual([source.current.rules.length, source.inForce], [1, true]);
    assert.equal(source.current.issuers[0]?.tokenFile, join(directory, 'token'));
    await writeFile(file, `${head}rules: nonsense\n`);
    await source.reload();
    assert.deepEqual([source.current.rules.length, source.inForce], [1, false]);
    await rm(file);
    await source.reload();
    assert.deepEqual([source.current.rules.length, source.inForce], [0, false]);
    const id = 'fairlead.authorization';
    assert.deepEqual(reported, [`${id}.missing`, `${id}.loaded`, `${id}.broken`, `${id}.missing`]);
  } finally {
    source.stop();
    await rm(directory, { recursive: true });
  }
});
