#!/usr/bin/env node
import { serve } from "../../../provider/rpc/serve.ts";
import { dockerProvider } from "./provider.ts";

await serve(dockerProvider(process.env));
