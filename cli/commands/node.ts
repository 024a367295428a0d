import type { Command } from 'commander';
import { examples } from '../options/options.ts';
import { define as defineDoctor } from './node-doctor.ts';
import { define as defineExplain } from './node-explain.ts';
import { define as defineGc } from './node-gc.ts';
import { define as defineProfiles } from './node-profiles.ts';
import { define as definePull } from './node-pull.ts';
import { define as defineStatus } from './node-status.ts';

/** `fairlead node status|profiles|explain|gc|pull|doctor`. */
export function define(command: Command): void {
  command.description('Ask the shim of this node what it does, as root, and check the node.').addHelpText(
    'after',
    examples([
      ['show whether the shim works', 'fairlead node status'],
      ['find out what is wrong', 'fairlead node doctor'],
      ['show what the containers of a pod run under', 'fairlead node explain web/nginx-0'],
      [
        'have an artifact on the node before a pod names it',
        'fairlead node pull registry.example.com/security/nginx@sha256:…',
      ],
    ]),
  );
  defineStatus(command.command('status'));
  defineProfiles(command.command('profiles'));
  defineExplain(command.command('explain'));
  defineGc(command.command('gc'));
  definePull(command.command('pull'));
  defineDoctor(command.command('doctor'));
}
