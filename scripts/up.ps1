# Starts Redis and so many servers in containers, waits until all are healthy, and says where they are.
#
#   .\scripts\up.ps1 [how many servers, 1 by default]
param([ValidateRange(1, 51)][int]$Count = 1)
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..")

# A port of the range that another program has makes one container fail; the next attempt gives it the next port.
foreach ($attempt in 1..5) {
  docker compose up --build --detach --scale "server=$Count"
  if ($LASTEXITCODE -eq 0) { break }
  if ($attempt -eq 5) { exit 1 }
  Write-Host "Trying again..."
}

Write-Host "Waiting until all are healthy..."
foreach ($step in 1..240) {
  $servers = @(docker compose ps -q server | ForEach-Object { docker inspect $_ | ConvertFrom-Json })
  $sick = @($servers | Where-Object { $_.State.Health.Status -ne "healthy" })
  if ($servers.Count -eq $Count -and $sick.Count -eq 0) { break }
  Start-Sleep -Milliseconds 500
}

$servers | ForEach-Object {
  [pscustomobject]@{
    Server  = "server-" + $_.Config.Labels."com.docker.compose.container-number"
    Address = "localhost:" + $_.NetworkSettings.Ports."8000/tcp"[0].HostPort
    State   = $_.State.Health.Status
  }
} | Sort-Object Server | Format-Table
$port = $servers[0].NetworkSettings.Ports."8000/tcp"[0].HostPort
Write-Host "Connect, as a with the password 1 (b to h likewise):"
Write-Host "  deno task client localhost:$port --user a"
Write-Host "Stop with: docker compose down"
if ($sick.Count -gt 0) {
  Write-Host "Not all are healthy: docker compose logs server"
  exit 1
}
