"""A local Zendesk: incremental exports of tickets, events, users, organizations and chats."""
