/** The campaigns that `refmon verify` knows. A new one is a file beside this, and a line here. */
import type { Campaign } from './campaign.ts';
import { cveCampaign } from './cve.ts';
import { driversCampaign } from './drivers.ts';
import { shieldCampaign } from './shield.ts';
import { ssrCampaign } from './ssr.ts';

export const CAMPAIGNS: readonly Campaign[] = [cveCampaign, driversCampaign, shieldCampaign, ssrCampaign];
