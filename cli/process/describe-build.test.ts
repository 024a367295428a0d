import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeBuild, renderBuild } from './describe-build.ts';

const machine = { version: 'v24.15.0', platform: 'linux', arch: 'x64' } as const;

describe('the description of a build', () => {
  it('has its commit, and a hint that fits how it was distributed', () => {
    const build = { version: '1.2.3', commit: 'c'.repeat(40), distribution: 'executable' } as const;
    assert.equal(
      renderBuild(describeBuild(build, machine)),
      `fairlead   1.2.3
commit     ${'c'.repeat(40)}
build      self-contained executable
Node       v24.15.0
platform   linux/x64
to verify  what you downloaded, with cosign verify-blob --bundle SHA256SUMS.sigstore.json … SHA256SUMS and sha256sum --check SHA256SUMS`,
    );
    const npm = describeBuild({ version: '1.2.3', distribution: 'npm' }, machine);
    assert.match(
      renderBuild(npm),
      /^fairlead {3}1\.2\.3\nbuild {6}npm package\n.*\nto verify {2}npm audit signatures; /s,
    );
    const source = describeBuild({ version: '1.2.3', distribution: 'source' }, machine);
    assert.match(renderBuild(source), /^to verify {2}git status/m);
  });
});
