import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, it } from 'node:test';
import { describePeers } from '#test/peers/require';
import { BlankMachine, blankMachineRequirements } from '#test/support/release/blank-machine';
import { buildProgram, ownArchitecture } from '#test/support/release/program';
import { newRelease, writeProgramArchive } from '#test/support/release/program-archive';
import { buildDeb } from '../../../tools/release/deb.ts';
import { packageFiles } from '../../../tools/release/package-files.ts';
import { belongingFiles } from '../../../tools/release/program-files.ts';

describePeers(blankMachineRequirements, 'on a minimal Debian without Node.js and without a network', () => {
  let folder = '';
  let machine: BlankMachine;
  let [deb, archive] = ['', ''];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-blank-'));
    const release = newRelease(join(folder, 'release'));
    const program = await buildProgram(release.work);
    archive = await writeProgramArchive(release, program);
    deb = basename(await buildDeb(release, ownArchitecture, packageFiles(program, await belongingFiles(release))));
    machine = await BlankMachine.start(release.directory);
  });
  after(async () => {
    await machine.stop();
    await rm(folder, { recursive: true });
  });

  it('the package for dpkg publishes and pulls as README describes', async () => {
    const printed = await machine.publishAndPull(`dpkg --install /release/${deb}`, '/usr/share/doc/fairlead/examples');
    assert.match(printed, /^build +self-contained executable$/m);
    assert.match(printed, /localhost:5000\/security\/nginx:1\.27/);
  });

  it('the archive publishes and pulls as README describes', async () => {
    const install = `tar -xzf /release/${archive} -C /usr/local --strip-components=1 --no-same-owner`;
    const printed = await machine.publishAndPull(install, '/usr/local/share/doc/fairlead/examples');
    assert.match(printed, /^build +self-contained executable$/m);
  });
});
