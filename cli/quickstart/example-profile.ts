import nginx from '../../examples/nginx.json' with { type: 'json' };

/** Returns the example profile, as a file. The program contains it: an executable has no files. */
export function exampleProfile(): Uint8Array {
  return Buffer.from(`${JSON.stringify(nginx, undefined, 2)}\n`);
}
