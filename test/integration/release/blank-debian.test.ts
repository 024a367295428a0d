import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, it } from 'node:test';
import { makeAuthority, makeCertificate } from '#test/peers/certificates';
import { peer } from '#test/peers/peer';
import { PodmanWorld, podmanRequirements } from '#test/peers/podman';
import { describePeers } from '#test/peers/require';
import { root } from '#test/support/cli/package';
import { readmeSteps } from '#test/support/cli/readme';
import { buildProgram, ownArchitecture } from '#test/support/release/program';
import { newRelease, writeProgramArchive } from '#test/support/release/program-archive';
import { buildDeb } from '../../../tools/release/deb.ts';
import { packageFiles } from '../../../tools/release/package-files.ts';
import { belongingFiles } from '../../../tools/release/program-files.ts';

const base = 'localhost/debian:bookworm';
const registry = 'registry.example.com';
const checkSums = 'sha256sum --check --strict --ignore-missing SHA256SUMS';
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { commands, policy, reference } = readmeSteps();

const guide = readFileSync(join(root, 'docs/guides/install.md'), 'utf8');

/**
 * Returns the command for a task in a section of the guide, for this machine: the first one in its
 * row of the table, or the block that follows `To TASK it`.
 */
function commandOfGuide(section: string, task: string): string {
  const [, text = ''] = guide.split(`\n## ${section}\n`);
  const [rows = ''] = text.split('\n## ');
  const row = new RegExp(`^\\| ${task} \\| \`([^\`]+)\``, 'm').exec(rows);
  const block = new RegExp(`^To ${task} it[^\`]+\`\`\`sh\n(.*)\n\`\`\``, 'm').exec(rows);
  const command = (row ?? block)?.[1];
  assert.ok(command, `${section}: ${task}`);
  const ours = { 'linux-x64': `linux-${ownArchitecture}`, amd64: debArchitecture };
  return Object.entries(ours).reduce((line, [from, to]) => line.replaceAll(from, to), command);
}

const debArchitecture = { x64: 'amd64', arm64: 'arm64' }[ownArchitecture];

/** The sections of the guide that are for a Debian without Node, and where they install to. */
const sections = { 'Debian and Ubuntu': '/usr', 'Another Linux': '/usr/local' };

describePeers(
  [...podmanRequirements, 'debian-root', 'docker-registry', 'dpkg-deb'],
  'Debian without Node.js, with a registry as its only network',
  () => {
    let world: PodmanWorld;
    let files = '';

    before(async () => {
      world = await PodmanWorld.start();
      files = join(world.directory, 'files');
      const release = newRelease(files);
      const program = await buildProgram(release.work);
      await buildDeb(release, ownArchitecture, packageFiles(program, await belongingFiles(release)));
      await writeProgramArchive(release, program);
      await world.importRoot(peer('debian-root'), base);
      await world.podman('network', 'create', 'site');
      await startTlsRegistry(world);
    });
    after(() => world.stop());

    for (const [section, prefix] of Object.entries(sections)) {
      it(`follows README from a key to a verified pull, installed and removed as for "${section}"`, async () => {
        const authority = `${join(world.directory, 'registry/ca.crt')}:/etc/containerd/certs.d/${registry}/ca.crt:ro`;
        const volumes = [authority, `${files}:/files:ro`];
        const mounts = volumes.flatMap((volume) => ['--volume', volume]);
        const options = ['--detach', '--init', '--network', 'site', '--workdir', '/root', ...mounts];
        const id = await world.podman('run', ...options, base, 'sleep', 'infinity');
        const shell = (script: string): Promise<string> => world.podman('exec', id, 'sh', '-euc', script);

        assert.equal(await shell('command -v node npm fairlead || echo none'), 'none');
        const inFiles = (command: string): Promise<string> => shell(`cd /files && ${command}`);
        // No user is there to answer apt.
        await shell(`echo 'APT::Get::Assume-Yes "true";' > /etc/apt/apt.conf.d/assume-yes`);
        assert.match(guide, new RegExp(`^${checkSums}$`, 'm'));
        assert.match(await inFiles(checkSums), new RegExp(`^fairlead-linux-${ownArchitecture}\\.tar\\.gz: OK$`, 'm'));
        await inFiles(commandOfGuide(section, 'install, upgrade'));
        assert.match(await shell('fairlead version'), /^build +self-contained executable$/m);
        await shell(`cp ${prefix}/share/doc/fairlead/examples/nginx.json .`);
        for (const command of commands) await shell(command);

        writeFileSync(join(files, 'policy.yaml'), policy);
        await shell('mkdir -p /etc/fairlead && cp fairlead.pub /files/policy.yaml /etc/fairlead/');
        await shell('fairlead policy check /etc/fairlead/policy.yaml');
        const pull = (name: string): string => `fairlead pull ${name} --policy /etc/fairlead/policy.yaml`;
        const profile = readFileSync(join(root, 'examples/nginx.json'), 'utf8');
        assert.equal(`${await shell(pull(reference))}\n`, profile);

        const refused = (name: string): Promise<string> => shell(`${pull(name)} 2>/dev/null || echo "exit $?"`);
        assert.equal(await refused(`${registry}/other/nginx:1.27`), 'exit 4', 'no rule allows it');
        await shell('fairlead keygen --prefix other');
        await shell(`fairlead push nginx.json ${registry}/security/other:1 --key other.key`);
        assert.equal(await refused(`${registry}/security/other:1`), 'exit 5', 'its signer is another one');
        await inFiles(commandOfGuide(section, 'install, upgrade'));
        assert.equal(await shell('fairlead --version'), version);
        await inFiles(commandOfGuide(section, 'remove'));
        assert.equal(await shell('find /usr -type f -path "*fairlead*"'), '');
        assert.equal(await shell('ls /etc/fairlead'), 'fairlead.pub\npolicy.yaml');
        await world.podman('rm', '--force', '--time', '0', id);
      });
    }
  },
);

/** Starts docker-registry with TLS as the only other machine of the network. */
async function startTlsRegistry(world: PodmanWorld): Promise<void> {
  const directory = join(world.directory, 'registry');
  mkdirSync(directory);
  copyFileSync(peer('docker-registry'), join(directory, 'docker-registry'));
  const authority = await makeAuthority(directory, '/CN=fairlead test authority');
  const request = { name: 'server', subject: `/CN=${registry}`, serverNames: `DNS:${registry}` };
  const { certificateFile, keyFile } = await makeCertificate(directory, authority, request);
  const tls = { certificate: `/registry/${basename(certificateFile)}`, key: `/registry/${basename(keyFile)}` };
  const storage = { filesystem: { rootdirectory: '/var/lib/registry' } };
  writeFileSync(
    join(directory, 'config.json'),
    JSON.stringify({ version: '0.1', storage, http: { addr: ':443', tls } }),
  );
  const network = ['--network', 'site', '--network-alias', registry, '--volume', `${directory}:/registry:ro`];
  await world.podman(
    'run',
    '--detach',
    ...network,
    base,
    '/registry/docker-registry',
    'serve',
    '/registry/config.json',
  );
}
