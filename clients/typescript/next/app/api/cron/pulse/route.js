import { cronRoute } from "@envdeck/cron";
import { NextResponse } from "next/server";

export const dynamic = "force-dynamic";

export const GET = cronRoute("/api/cron/pulse", async (request) => {
  switch (request.nextUrl.searchParams.get("as")) {
    case "throws":
      throw new Error("no accounts today");
    case "idle":
      return new NextResponse(null, { status: 204 });
    default:
      return NextResponse.json({ ok: true });
  }
});
