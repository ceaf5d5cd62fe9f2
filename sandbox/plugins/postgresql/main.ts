#!/usr/bin/env node
import { serve } from "../../../provider/rpc/serve.ts";
import { postgresqlProvider } from "./provider.ts";

await serve(postgresqlProvider(process.env));
