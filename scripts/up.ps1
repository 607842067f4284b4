# Starts Redis and so many servers in containers, waits until all are healthy, and says where they are.
#
#   .\scripts\up.ps1 [how many servers, 1 by default]
#
# The servers are those of compose.yaml, in their order: server, server-2, ... Those beyond the number are removed.
param([int]$Count = 1)
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..")

$all = @(Select-String -Path compose.yaml -Pattern '^  (server(-[0-9]+)?):' | ForEach-Object { $_.Matches[0].Groups[1].Value })
if ($Count -lt 1 -or $Count -gt $all.Count) {
  Write-Host "Usage: .\scripts\up.ps1 [how many servers, 1 to $($all.Count)]"
  exit 2
}
$names = @($all | Select-Object -First $Count)
$surplus = @($all | Select-Object -Skip $Count)

docker compose up --build --detach @names
if ($LASTEXITCODE -ne 0) {
  Write-Host 'Where another program has a port: $env:SERVER_2_PORT = 9001 before it, or SERVER_2_PORT=9001 in .env'
  exit 1
}
if ($surplus.Count -gt 0) { docker compose rm --stop --force @surplus }

Write-Host "Waiting until all are healthy..."
foreach ($step in 1..240) {
  $servers = @(docker compose ps -q @names | ForEach-Object { docker inspect $_ | ConvertFrom-Json })
  $sick = @($servers | Where-Object { $_.State.Health.Status -ne "healthy" })
  if ($servers.Count -eq $Count -and $sick.Count -eq 0) { break }
  Start-Sleep -Milliseconds 500
}

$table = @($servers | ForEach-Object {
  [pscustomobject]@{
    Service = $_.Config.Labels."com.docker.compose.service"
    Address = "localhost:" + $_.NetworkSettings.Ports."8000/tcp"[0].HostPort
    State   = $_.State.Health.Status
  }
} | Sort-Object Service)
$table | Format-Table
Write-Host "Connect (with the demo accounts, as a with the password 1; b to h likewise):"
Write-Host "  deno task client $($table[0].Address) --user a"
Write-Host "Stop with: docker compose --profile servers down"
if ($sick.Count -gt 0) {
  Write-Host "Not all are healthy: docker compose --profile servers logs $names"
  exit 1
}
