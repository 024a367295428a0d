import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { failedFilesOf, withoutLocalPaths } from './local-paths.ts';

const paths = {
  '/etc/fairlead/policy.yaml': 'the trust policy',
  '/var/lib/fairlead': 'the registry',
  'data/registry': 'the registry',
  '/keys/(a).pub': '(a).pub',
  'policy.yaml': 'the trust policy',
  '/': 'nothing',
};

describe('withoutLocalPaths', () => {
  for (const [text, told] of [
    ['/etc/fairlead/policy.yaml does not allow it', 'the trust policy does not allow it'],
    ['add a rule to /etc/fairlead/policy.yaml whose', 'add a rule to the trust policy whose'],
    ['/etc/fairlead/policy.yaml:3:5: no', 'the trust policy:3:5: no'],
    ['/var/lib/fairlead/blobs/sha256/ab: EIO', 'the registry: EIO'],
    ["EIO: open '/var/lib/fairlead/index.json'", "EIO: open 'the registry'"],
    ['data/registry: no tag', 'the registry: no tag'],
    ['data/registry/x', 'the registry'],
    ['by key /keys/(a).pub', 'by key (a).pub'],
    ['sent, but not tagged: /root/.docker/config.json: is not JSON', 'sent, but not tagged: a file: is not JSON'],
    // What is not a file of this machine.
    ['data/registry2, /var/lib/fairlead2', 'data/registry2, /var/lib/fairlead2'],
    ['policy.yaml says no', 'policy.yaml says no'],
    ['GET https://a.b/var/lib/fairlead/x: 404', 'GET https://a.b/var/lib/fairlead/x: 404'],
    ['localhost/data/registry is not signed', 'localhost/data/registry is not signed'],
    ['no such resource: GET /v1/other', 'no such resource: GET /v1/other'],
    ['the path "/etc/nginx/**" is listed twice', 'the path "/etc/nginx/**" is listed twice'],
  ] as const)
    it(text, () => assert.equal(withoutLocalPaths(text, paths), told));

  it('names no file at which the system failed, however deep the cause lies', () => {
    try {
      readFileSync('/nonexistent/secret');
    } catch (cause) {
      const error = new Error('a', { cause: new Error('b', { cause }) });
      assert.deepEqual(failedFilesOf(error), ['/nonexistent/secret']);
      const text = withoutLocalPaths((cause as Error).message, {}, failedFilesOf(error));
      assert.equal(text, "ENOENT: no such file or directory, open 'a file'");
    }
  });
});
