-- The product's database: schema app (the product's own) and growth (where Headwater may write).

create schema app;

create table app.users (
    id bigint primary key,
    email text not null,
    email_verified_at timestamptz,
    full_name text,
    title text,
    country text,
    signup_anonymous_id text,
    heard_from text,
    marketing_consent boolean not null,
    sales_consent boolean not null,
    is_staff boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    check (updated_at >= created_at)
);

create table app.organizations (
    id bigint primary key,
    name text not null,
    verified_domain text,
    billing_email text,
    country text,
    salesforce_account_id text check (length(salesforce_account_id) in (15, 18)),
    created_by_user_id bigint references app.users (id),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
);

create table app.workspaces (
    id bigint primary key,
    organization_id bigint not null references app.organizations (id),
    name text not null,
    motion text not null check (motion in ('self_serve', 'sales_assisted')),
    is_test boolean not null,
    created_by_user_id bigint references app.users (id),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
);

create table app.memberships (
    id bigint primary key,
    workspace_id bigint not null references app.workspaces (id),
    user_id bigint not null references app.users (id),
    role text not null check (role in ('admin', 'organiser', 'member', 'guest')),
    invited_by_user_id bigint references app.users (id),
    joined_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
);

create table app.invites (
    id bigint primary key,
    workspace_id bigint not null references app.workspaces (id),
    inviter_user_id bigint not null references app.users (id),
    email text not null,
    status text not null check (status in ('sent', 'accepted', 'expired')),
    accepted_user_id bigint references app.users (id),
    sent_at timestamptz not null,
    accepted_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
);

create table app.plans (
    id bigint primary key,
    code text not null unique,
    name text not null,
    tier_rank bigint not null,
    is_self_serve boolean not null,
    monthly_price_cents bigint,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
);

create table app.plan_entitlements (
    id bigint primary key,
    plan_code text not null references app.plans (code),
    meter text not null,
    meter_kind text not null check (meter_kind in ('flow', 'stock')),
    included bigint,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    unique (plan_code, meter)
);

-- plan_code is free text here, as it was in the product: a code without a plan can happen.
create table app.subscriptions (
    id bigint primary key,
    workspace_id bigint not null references app.workspaces (id),
    plan_code text not null,
    status text not null check (status in ('active', 'canceled', 'past_due')),
    mrr_cents bigint not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
);

create table app.usage_daily (
    id bigint primary key,
    workspace_id bigint not null references app.workspaces (id),
    meter text not null,
    usage_date date not null,
    quantity bigint not null check (quantity >= 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    unique (workspace_id, meter, usage_date)
);

create table app.overage_state (
    id bigint primary key,
    workspace_id bigint not null references app.workspaces (id),
    meter text not null,
    period_start date not null,
    state text not null check (state in ('overage', 'cleared')),
    extension_until timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    unique (workspace_id, meter, period_start)
);

create table app.restaurants (
    id bigint primary key,
    name text not null,
    website text,
    city text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
);

create table app.group_orders (
    id bigint primary key,
    workspace_id bigint not null references app.workspaces (id),
    organiser_user_id bigint not null references app.users (id),
    restaurant_id bigint references app.restaurants (id),
    status text not null check (status in ('open', 'placed', 'delivered', 'cancelled')),
    line_count bigint not null,
    total_cents bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
);

-- Refunds never change; one that was booked in error is deleted.
create table app.refunds (
    id bigint primary key,
    group_order_id bigint not null references app.group_orders (id),
    amount_cents bigint not null check (amount_cents > 0),
    reason text not null check (reason in ('late', 'missing_items', 'wrong_order', 'quality')),
    created_at timestamptz not null
);

-- A row for as long as the tool is connected.
create table app.workspace_integrations (
    id bigint primary key,
    workspace_id bigint not null references app.workspaces (id),
    provider text not null check (provider in ('slack', 'teams', 'hris', 'sso')),
    connected_by_user_id bigint references app.users (id),
    unique (workspace_id, provider)
);

create schema growth;

create table growth.in_app_banners (
    workspace_id bigint primary key,
    banner_code text not null,
    headline text not null,
    meter text not null,
    used bigint,
    included bigint,
    period_end date,
    updated_at timestamptz not null default now()
);
