import * as v from 'valibot';
import { rule } from './kubernetes.ts';

const objectName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The name of an object (RFC 1123 subdomain). */
export const objectNameSchema = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(253),
  ...rule<string>({
    rule: `self == '' || self.matches('${objectName.source.replaceAll('\\', '\\\\')}')`,
    message:
      'must be the name of an object: lower-case letters, digits, "-" and ".", with a letter or digit at both ends',
    holds: (name) => name === '' || objectName.test(name),
  }),
);
