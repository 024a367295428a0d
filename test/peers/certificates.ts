import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { peer } from './peer.ts';

const run = promisify(execFile);

/** A certificate with its private key, both as PEM, and the files that hold them. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** What a certificate is to say. */
export interface CertificateRequest {
  /** The name of the files, without `.crt` and `.key`. */
  readonly name: string;
  /** As openssl writes it: `/O=group/CN=name`. */
  readonly subject: string;
  /**
   * For a server: its names and addresses, as openssl writes them: `IP:127.0.0.1,DNS:localhost`.
   * None: for a client.
   */
  readonly serverNames?: string;
}

/** Makes an authority for tests, whose certificates are good for a day; files go into `folder`. */
export async function makeAuthority(folder: string, subject: string): Promise<Certificate> {
  const files = fileNames(folder, 'ca');
  const args = ['-keyout', files.keyFile, '-out', files.certificateFile, '-subj', subject, '-days', '1'];
  await run(peer('openssl'), ['req', '-x509', ...newKey, ...args]);
  return read(files);
}

/** Makes a certificate that the authority vouches for; files go into `folder`. */
export async function makeCertificate(
  folder: string,
  authority: Certificate,
  { name, subject, serverNames }: CertificateRequest,
): Promise<Certificate> {
  const files = fileNames(folder, name);
  const request = path.join(folder, `${name}.csr`);
  const extensions = path.join(folder, `${name}.ext`);
  writeFileSync(extensions, serverNames ? `subjectAltName=${serverNames}\n` : 'extendedKeyUsage=clientAuth\n');
  await run(peer('openssl'), ['req', ...newKey, '-keyout', files.keyFile, '-out', request, '-subj', subject]);
  const signer = ['-CA', authority.certificateFile, '-CAkey', authority.keyFile];
  const args = ['-in', request, '-out', files.certificateFile, '-extfile', extensions, '-days', '1'];
  await run(peer('openssl'), ['x509', '-req', ...signer, ...args]);
  return read(files);
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function fileNames(folder: string, name: string): { certificateFile: string; keyFile: string } {
  return { certificateFile: path.join(folder, `${name}.crt`), keyFile: path.join(folder, `${name}.key`) };
}

function read(files: { certificateFile: string; keyFile: string }): Certificate {
  const certificate = readFileSync(files.certificateFile, 'utf8');
  return { ...files, certificate, key: readFileSync(files.keyFile, 'utf8') };
}
