/** Cross-origin requests to `/data/v1`, in PostgREST's words (docs.postgrest.org, "CORS"). */
import type { MountedCors } from "../../core/capability.ts";
import type { Rooms } from "./rooms.ts";

export function dataCors(rooms: Rooms): MountedCors {
  return {
    path: "/data/v1",
    origins: (tenant) => rooms.peek(tenant)?.config.server_cors_allowed_origins ?? null,
    methods: ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "HEAD"],
    requestHeaders: {
      first: ["Authorization"],
      last: ["Accept", "Accept-Language", "Content-Language"],
    },
    exposed: [
      ...["Content-Encoding", "Content-Location", "Content-Range", "Content-Type", "Date"],
      ...["Location", "Server", "Transfer-Encoding", "Range-Unit"],
    ],
    preflightStatus: 200,
  };
}
