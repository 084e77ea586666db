"""What the service and containment tests share: a client, a server, a look from outside."""
