import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { packageVersion } from './package-version.ts';

describe('packageVersion', () => {
  it('keeps the order of npm for dpkg and rpm', () => {
    const ordered = ['0.9.0', '1.0.0-alpha.1', '1.0.0-rc.1', '1.0.0-rc.2', '1.0.0-rc.10', '1.0.0', '1.0.1-rc.1'];
    const mapped = ordered.map(packageVersion);
    assert.deepEqual(mapped.slice(1, 3), ['1.0.0~alpha.1', '1.0.0~rc.1']);
    for (const [index, version] of mapped.entries()) {
      const next = mapped[index + 1];
      if (next === undefined) continue;
      execFileSync('dpkg', ['--compare-versions', version, 'lt', next]);
      const compared = execFileSync('rpm', ['--eval', `%{lua:print(rpm.vercmp("${version}", "${next}"))}`]);
      assert.equal(compared.toString().trim(), '-1', `${version} < ${next}`);
    }
  });

  it('refuses what has no equivalent', () => {
    for (const version of ['1.0.0-rc-1', '1.0', 'v1.0.0', '1.0.0-', '1.0.0\n']) {
      assert.throws(() => packageVersion(version), /cannot be written for packages/, version);
    }
  });
});
