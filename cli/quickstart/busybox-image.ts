import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';

/** Paths at which distributions install a statically linked busybox. */
const places = ['/bin/busybox', '/usr/bin/busybox', '/bin/busybox-static', '/usr/local/bin/busybox'];

/** Commands that the image has links for: a shell, and those that the quickstart runs. */
const applets = ['sh', 'sleep', 'touch', 'chmod', 'ls', 'echo'];

/** Returns the path of a busybox that runs without libraries; undefined if none exists. */
export function findStaticBusybox(): string | undefined {
  return places.find((path) => existsSync(path) && isStatic(readFileSync(path)));
}

/**
 * Reports whether an ELF file needs no interpreter: it has no program header of type PT_INTERP
 * (ELF-64, little endian).
 */
function isStatic(elf: Buffer): boolean {
  if (elf.length < 64 || elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1) return false;
  const [offset, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  const interpreter = 3;
  for (let index = 0; index < count; index++) {
    if (elf.readUInt32LE(offset + index * size) === interpreter) return false;
  }
  return true;
}

/**
 * Returns a container image of busybox alone, as an OCI layout in a tar: the input of `ctr images
 * import`. `reference` is the name that containerd imports it under, `command` its default command.
 */
export async function busyboxImage(
  busybox: string,
  { reference, command }: { reference: string; command: readonly string[] },
): Promise<Buffer> {
  const layer = await tar([
    { name: 'bin/' },
    { name: 'tmp/' },
    { name: 'bin/busybox', content: readFileSync(busybox) },
    ...applets.map((applet) => ({ name: `bin/${applet}`, link: 'busybox' })),
  ]);
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch;
  const config = json({
    architecture,
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: command },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: manifestType,
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const named = { ...descriptor(manifestType, manifest), annotations: { 'io.containerd.image.name': reference } };
  return tar([
    { name: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', content: json({ schemaVersion: 2, manifests: [named] }) },
    ...[layer, config, manifest].map((content) => ({
      name: `blobs/sha256/${digest(content).slice('sha256:'.length)}`,
      content,
    })),
  ]);
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
/** One entry of an archive: with content a file, with a link a symbolic link, else a directory. */
interface Entry {
  readonly name: string;
  readonly content?: Buffer;
  readonly link?: string;
}

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  for (const { name, content, link } of entries) {
    // Time and owner are fixed, so that the image always has the same digest.
    const header = { name, mode: 0o755, mtime: new Date(0), uid: 0, gid: 0 };
    if (content !== undefined) archive.entry(header, content);
    else if (link !== undefined) archive.entry({ ...header, type: 'symlink', linkname: link });
    else archive.entry({ ...header, type: 'directory' });
  }
  archive.finalize();
  return buffer(archive as unknown as AsyncIterable<Uint8Array>);
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digest(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function descriptor(mediaType: string, bytes: Buffer): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: digest(bytes), size: bytes.length };
}
