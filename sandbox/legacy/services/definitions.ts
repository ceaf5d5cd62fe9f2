import type { Pool } from "pg";

/** How one of the runbook's six services uses its database. */
export interface ServiceDefinition {
  database: "tracksolid_db" | "fleet_platform";
  /** Whether its start command is `python run_migrations.py && ...`. */
  migrates: boolean;
  /** Number of sessions in its legacy pool. The six pools have 100, the server's max_connections. */
  legacyPool: number;
  /** Serves one request, with the reads and writes of the real service. */
  request(db: Pool): Promise<void>;
}

export type ServiceName = "dashboard_api" | "ingest_worker" | "worker" | "webhook_receiver" | "gateway" | "cron";

/** In the runbook's cutover order. The two services of fleet_platform are last, since they are unconfirmed. */
export const definitions: Record<ServiceName, ServiceDefinition> = {
  dashboard_api: {
    database: "tracksolid_db",
    migrates: false,
    legacyPool: 12,
    async request(db) {
      await db.query("SELECT plate, recorded_at, open_tickets FROM reporting.v_fleet_status ORDER BY plate");
      await db.query("SELECT plate, sum(distance_km) FROM reporting.v_trips GROUP BY plate");
      await db.query("SELECT max(mileage_km) FROM reporting.v_mileage_daily_cagg");
      await db.query("SELECT tickets.open_count(), tracksolid.distance_km(52, 4.9, 52.1, 5)");
    },
  },
  ingest_worker: {
    database: "tracksolid_db",
    migrates: true,
    legacyPool: 20,
    async request(db) {
      await db.query(
        `INSERT INTO tracksolid.ingest_state (service, last_batch)
         SELECT 'ingest_worker', max(batch) FROM tracksolid.webhook_payloads HAVING count(*) > 0
         ON CONFLICT (service) DO UPDATE SET last_batch = excluded.last_batch, updated_at = now()`,
      );
      await db.query(
        "INSERT INTO reporting.trips (imei, started_at) SELECT imei, now() FROM tracksolid.devices ORDER BY random() LIMIT 1",
      );
      await db.query("CALL tracksolid.forget_payloads('1 hour')");
    },
  },
  worker: {
    database: "tracksolid_db",
    migrates: true,
    legacyPool: 18,
    async request(db) {
      await db.query("CALL reporting.close_stale_trips('1 minute')");
      await db.query(
        "SELECT tracksolid.raise_alarm(imei, 'harsh braking') FROM tracksolid.devices ORDER BY random() LIMIT 1",
      );
      await db.query("UPDATE tickets.tickets SET state = 'assigned' WHERE state = 'new'");
      await db.query(
        "INSERT INTO tickets.comments (ticket_id, author, body) SELECT id, 'worker@example.com', 'Seen.' FROM tickets.tickets LIMIT 1",
      );
    },
  },
  webhook_receiver: {
    database: "tracksolid_db",
    migrates: true,
    legacyPool: 20,
    async request(db) {
      await db.query(
        `INSERT INTO tracksolid.webhook_payloads (batch, body) VALUES (nextval('tracksolid.batch_number'), '{"event": "position"}')`,
      );
      const moved = await db.query<{ imei: string }>(
        `INSERT INTO tracksolid.position_history (imei, recorded_at, lat, lng, speed_kmh, heading)
         SELECT imei, now(), 52 + random(), 4 + random(), 100 * random(), 360 * random()
         FROM tracksolid.devices ORDER BY random() LIMIT 1 RETURNING imei`,
      );
      await db.query("UPDATE tracksolid.devices SET last_seen = now() WHERE imei = $1", [moved.rows[0]?.imei]);
    },
  },
  gateway: {
    database: "fleet_platform",
    migrates: false,
    legacyPool: 18,
    async request(db) {
      await db.query(
        `UPDATE fleet.vehicles SET state = 'driving', changed_at = now()
         WHERE id = (SELECT id FROM fleet.vehicles ORDER BY random() LIMIT 1)`,
      );
      await db.query(
        "INSERT INTO fleet.gateway_sessions (vehicle_id) SELECT id FROM fleet.vehicles ORDER BY random() LIMIT 1",
      );
      await db.query("SELECT count(*) FROM fleet.v_active_sessions");
    },
  },
  cron: {
    database: "fleet_platform",
    migrates: false,
    legacyPool: 12,
    async request(db) {
      await db.query("SELECT nextval('jobs.lease_number')");
      await db.query(
        "INSERT INTO jobs.runs (job, result, vehicles) VALUES ('close-sessions', 'succeeded', fleet.driving_count())",
      );
      await db.query("UPDATE jobs.schedules SET last_run = now() WHERE job = 'close-sessions'");
      await db.query("UPDATE fleet.gateway_sessions SET closed_at = now() WHERE closed_at IS NULL");
      await db.query("DELETE FROM fleet.gateway_sessions WHERE closed_at < now() - interval '1 minute'");
      await db.query("SELECT * FROM jobs.v_overview");
    },
  },
};
