import { pgaccess } from "./pgaccess.ts";
import { serve } from "./rpc/serve.ts";

await serve(pgaccess());
