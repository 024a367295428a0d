import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';

/** A key in a key service, and the program that reaches it. */
export interface KmsReference {
  /** As it was written: `mykms://key-id`. */
  readonly text: string;
  /** The plugin program of sigstore: `sigstore-kms-mykms`. */
  readonly program: string;
  /** The name of the key in the service, as the plugin reads it: `key-id`. */
  readonly resource: string;
}

/**
 * Reports whether the name of a key is a reference to a key service (`NAME://…`, or a PKCS#11 URI),
 * and not a file.
 */
export function isKmsReference(key: string): boolean {
  return /^[^/]*:\/\//.test(key) || key.startsWith('pkcs11:');
}

/** Parses a reference to a key in a key service. Throws InvalidInput for an invalid one. */
export function parseKmsReference(text: string): KmsReference {
  if (/^pkcs11:(?!\/\/)/.test(text)) {
    throw new FairleadError('InvalidInput', `${quote(text)} is a PKCS#11 URI, which Fairlead does not read`, {
      hint: 'Use a plugin program for the token: for the key NAME://KEY, sigstore-kms-NAME in PATH is run.',
    });
  }
  const [, name = '', resource = ''] = /^([A-Za-z0-9][A-Za-z0-9._-]*):\/\/(.+)$/s.exec(text) ?? [];
  // A program cannot be given a name with a NUL.
  if (name === '' || text.includes('\0')) {
    throw new FairleadError('InvalidInput', `invalid key reference ${quote(text)}: want NAME://KEY`, {
      hint: 'NAME is that of a plugin program, sigstore-kms-NAME. A file is named by its path.',
    });
  }
  return { text, program: `sigstore-kms-${name}`, resource };
}
