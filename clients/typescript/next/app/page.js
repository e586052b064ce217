export default function Page() {
  return <p>An app with one cron job.</p>;
}
