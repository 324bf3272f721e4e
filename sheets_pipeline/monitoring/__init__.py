"""How everything is: status, alerts, doctor."""
