#!/usr/bin/env node
import { serve } from "../../../provider/rpc/serve.ts";
import { randomProvider } from "./provider.ts";

await serve(randomProvider());
