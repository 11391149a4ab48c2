"""Support: tickets, their events, users, organizations and chats, by Zendesk's exports."""
