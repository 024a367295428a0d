import { cliRooms } from './rooms/cli.ts';
import { shimRooms } from './rooms/cri-shim.ts';
import { developmentRooms } from './rooms/development.ts';
import { libRooms } from './rooms/lib.ts';
import { operatorRooms } from './rooms/operator.ts';
import type { Room } from './rooms/room.ts';
import { servicesRooms } from './rooms/services.ts';

/**
 * The rooms, from the ground up. A room may import only rooms before it in this list, so that the
 * table cannot allow a circle. Biome's restrictions (biome.rooms.json) are generated from it, and
 * `npm run check` compares the real import graph with it.
 */
export const rooms: readonly Room[] = [
  ...libRooms,
  ...servicesRooms,
  ...shimRooms,
  ...operatorRooms,
  ...cliRooms,
  ...developmentRooms,
];
