import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** The command that brings every peer, as shown to people. */
export const installCommand = 'npm run peers:install';

/**
 * The folder that `npm run peers:install` fills: `FAIRLEAD_PEERS_DIR`, else below the user's cache
 * folder.
 */
export function peersFolder(): string {
  const { FAIRLEAD_PEERS_DIR, XDG_CACHE_HOME } = process.env;
  if (FAIRLEAD_PEERS_DIR) return path.resolve(FAIRLEAD_PEERS_DIR);
  return path.join(XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'fairlead', 'peers');
}

const systemFolders = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'];

function system(program: string): () => string[] {
  return () => systemFolders.map((folder) => path.join(folder, program));
}

function cached(file: string): () => string[] {
  return () => [path.join(peersFolder(), file)];
}

/** The directory of Kubernetes' test programs, by Kubernetes' own convention. */
const assets = process.env['KUBEBUILDER_ASSETS'];

/** Peers are started in directories of their own: the path is absolute. */
function inAssets(file: string): string[] {
  return assets ? [path.resolve(assets, path.basename(file))] : [];
}

/** Kubernetes' test programs go first. */
function kubernetes(file: string): () => string[] {
  return () => [...inAssets(file), ...cached(file)()];
}

const apiserver = 'kube-apiserver/kube-apiserver';

/**
 * Returns the sentence on a directory of Kubernetes' test programs that has no API server;
 * undefined otherwise. Its tests would show nothing about the version that was asked for.
 */
export function assetsProblem(): string | undefined {
  if (!assets || inAssets(apiserver).some(isExecutable)) return undefined;
  return `KUBEBUILDER_ASSETS (${assets}) has no kube-apiserver`;
}

const places = {
  'docker-registry': system('docker-registry'),
  skopeo: system('skopeo'),
  /** The browser that the web pages are tested with. */
  chromium: system('chromium'),
  busybox: system('busybox'),
  runc: system('runc'),
  crun: system('crun'),
  openssl: system('openssl'),
  /** Runs a program at a terminal of its own. */
  script: system('script'),
  /** The C compiler, for programs that make system calls with arguments of the test's own. */
  cc: system('cc'),
  'apt-get': system('apt-get'),
  'apt-helper': () => ['/usr/lib/apt/apt-helper'],
  readelf: system('readelf'),
  /** Debian's Go, for programs with the decoder of the runtimes. */
  go: () => ['/usr/bin/go', '/usr/lib/go-1.19/bin/go'],
  apparmor_parser: system('apparmor_parser'),
  secilc: system('secilc'),
  /** Shows what the SELinux compiler makes of a text; of the same package. */
  secil2tree: system('secil2tree'),
  /** Asks a compiled SELinux policy what it allows. */
  sesearch: system('sesearch'),
  /** Not a program: the seccomp profile that Podman runs containers with. */
  'podman-seccomp.json': () => ['/usr/share/containers/seccomp.json'],
  /** Not a program: the folder of the CNI plugins. */
  cni: () => ['/usr/lib/cni'],
  podman: system('podman'),
  buildah: system('buildah'),
  'podman-compose': system('podman-compose'),
  /** The first process of a container that asks for one (`init`), and of a world of podman's. */
  catatonit: () => ['/usr/libexec/podman/catatonit', '/usr/bin/catatonit'],
  /** The networks of podman, and the names in them. */
  netavark: () => ['/usr/lib/podman/netavark', '/usr/libexec/podman/netavark'],
  'aardvark-dns': () => ['/usr/lib/podman/aardvark-dns', '/usr/libexec/podman/aardvark-dns'],
  iptables: system('iptables'),
  curl: system('curl'),
  'dpkg-deb': system('dpkg-deb'),
  rpm: system('rpm'),
  rpmbuild: system('rpmbuild'),
  /** The first process of a virtual machine with services. */
  bash: system('bash'),
  zsh: system('zsh'),
  fish: system('fish'),
  groff: system('groff'),
  mandoc: system('mandoc'),
  xmllint: system('xmllint'),
  'pre-commit': system('pre-commit'),
  systemd: () => ['/lib/systemd/systemd', '/usr/lib/systemd/systemd'],
  file: system('file'),
  'x86_64-linux-gnu-strip': system('x86_64-linux-gnu-strip'),
  'aarch64-linux-gnu-strip': system('aarch64-linux-gnu-strip'),
  /** Not a program: the root file system of a new Debian, without Node. */
  'debian-root': cached('debian-root/root.tar'),
  /**
   * Not a program: the versions of the packages in the directory `root` beside it, which has the
   * programs of examples/catalog.
   */
  'catalog-root': cached('catalog-root/versions.json'),
  /** Debian bookworm's containerd, 1.6. */
  'containerd-1.6': system('containerd'),
  'ctr-1.6': system('ctr'),
  /** The newer containerd, 2.x. */
  containerd: cached('containerd/containerd'),
  ctr: cached('containerd/ctr'),
  /** cosign 3.x. */
  cosign: cached('cosign/cosign'),
  'cosign-2': cached('cosign-2/cosign'),
  oras: cached('oras/oras'),
  crane: cached('crane/crane'),
  refreg: cached('refreg/refreg'),
  /** The part of the newest Kubernetes that serves custom resources. */
  crdserver: cached('crdserver/crdserver'),
  /** The emulator that the virtual machine runs in. */
  'qemu-system-x86_64': system('qemu-system-x86_64'),
  /** Not a program: the kernel of the virtual machine; its modules lie beside it. */
  'vm-kernel': cached('vm/vmlinuz'),
  /**
   * Not a program: a header of libseccomp, 2.5 in Debian bookworm, for programs that are linked
   * against it.
   */
  'seccomp.h': () => ['/usr/include/seccomp.h'],
  /** Not a program: the newer libseccomp, 2.6. */
  'libseccomp-2.6': cached('libseccomp/libseccomp.so.2'),
  etcd: kubernetes('etcd/etcd'),
  'kube-apiserver': assets ? () => inAssets(apiserver) : cached(apiserver),
  kubectl: kubernetes('kubectl/kubectl'),
  helm: cached('helm/helm'),
} satisfies Record<string, () => string[]>;

/** A real program that the tests talk to. */
export type PeerName = keyof typeof places;

/** The path of a peer; throws an error that names the install command when it is not there. */
export function peer(name: PeerName): string {
  const found = findPeer(name);
  if (found === undefined) throw new Error(`the test peer ${name} is not installed; as root: ${installCommand}`);
  return found;
}

/** The path of a peer, or undefined when it is not there. */
export function findPeer(name: PeerName): string | undefined {
  return places[name]().find(
    (file) => isExecutable(file) || (/(?:\.json|\.h|\.so\.\d+|\.tar|\/vmlinuz)$/.test(file) && isReadable(file)),
  );
}

function isExecutable(file: string): boolean {
  return isAccessible(file, constants.X_OK);
}

function isReadable(file: string): boolean {
  return isAccessible(file, constants.R_OK);
}

function isAccessible(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
}
