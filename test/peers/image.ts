import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { peer } from './peer.ts';

/** A container image in one OCI archive, to be imported as it is. */
export interface ImageArchive {
  readonly reference: string;
  readonly archive: Buffer;
}

/** What the image runs by default. */
interface ImageContent {
  readonly reference: string;
  readonly command: readonly string[];
}

/** The image that test containers are made of: busybox, with a shell. */
export const busyboxReference = 'localhost/fairlead/busybox:1';

/**
 * The image of pod sandboxes: sleeps, and ends at once when told to (a shell as the first process
 * must ask for that).
 */
export const pauseReference = 'localhost/fairlead/pause:1';

const pauseScript = 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait $!; done';

/** Makes the two images out of the host's busybox-static. */
export async function makeImages(): Promise<ImageArchive[]> {
  const layer = await busyboxLayer();
  return [
    await imageArchive(layer, { reference: busyboxReference, command: ['/bin/sh'] }),
    await imageArchive(layer, { reference: pauseReference, command: ['/bin/sh', '-c', pauseScript] }),
  ];
}

async function busyboxLayer(): Promise<Buffer> {
  const busybox = peer('busybox');
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  const layer = pack();
  for (const name of ['bin', 'etc', 'tmp'])
    layer.entry({ name, type: 'directory', mode: name === 'tmp' ? 0o1777 : 0o755 });
  layer.entry({ name: 'bin/busybox', mode: 0o755 }, readFileSync(busybox));
  for (const name of applets.filter((applet) => applet !== 'busybox')) {
    layer.entry({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' });
  }
  layer.entry({ name: 'etc/passwd' }, 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n');
  layer.entry({ name: 'etc/group' }, 'root:x:0:\nnogroup:x:65534:\n');
  layer.finalize();
  return buffer(layer);
}

/**
 * An image of one layer as an OCI layout in a tar; the annotation is the name that containerd
 * imports it under.
 */
async function imageArchive(layer: Buffer, { reference, command }: ImageContent): Promise<ImageArchive> {
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch;
  const config = json({
    architecture,
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: command },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const named = {
    ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
    annotations: { 'io.containerd.image.name': reference },
  };
  const archive = pack();
  archive.entry({ name: 'oci-layout' }, json({ imageLayoutVersion: '1.0.0' }));
  archive.entry({ name: 'index.json' }, json({ schemaVersion: 2, manifests: [named] }));
  for (const blob of [layer, config, manifest]) {
    archive.entry({ name: `blobs/sha256/${digest(blob).slice('sha256:'.length)}` }, blob);
  }
  archive.finalize();
  return { reference, archive: await buffer(archive) };
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
