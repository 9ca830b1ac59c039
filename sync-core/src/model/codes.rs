//! The closed lists of codes in a draft. Labor type, cover and who keeps salvage are those of
//! [`crate::estimate`].

use super::{
    read::{Found, Leaf},
    schema::Scalar,
};
use crate::{
    estimate::{Cover, LaborType, SalvageKeeper},
    wire_name::wire_names,
};

wire_names! {
    /// What a line of the loss sheet is (B1).
    pub enum LineKind {
        /// A part is replaced.
        Replace = "replace",
        /// Labor.
        Repair = "repair",
        /// Auxiliary material.
        Material = "material",
        /// Work given to another workshop.
        Sublet = "sublet",
        /// Deduction because new replaces old.
        Betterment = "betterment",
        /// Deduction for what the old part or wreck is worth.
        Salvage = "salvage",
        /// Rescue and towing, outside the loss total.
        Rescue = "rescue",
    }
}

wire_names! {
    /// Where a part's price comes from (B1).
    pub enum PartSource {
        /// Original part at the brand's dealer.
        OeDealer = "oe_dealer",
        /// Original part on the market.
        OeMarket = "oe_market",
        /// Brand or aftermarket part.
        Aftermarket = "aftermarket",
        /// Used part.
        Recycled = "recycled",
        /// Remanufactured part.
        Remanufactured = "remanufactured",
    }
}

wire_names! {
    /// What a price rests on. Every amount has a reason that can be shown: "the computer says so" is
    /// none (C25, C53).
    pub enum PriceBasis {
        /// A price list of the insurer.
        List = "list",
        /// The offer of a shop or supplier.
        Quote = "quote",
        /// A bill.
        Invoice = "invoice",
        /// Asked on the market.
        Market = "market",
        /// A published standard of repair times.
        Standard = "standard",
        /// Agreed with the customer.
        Negotiated = "negotiated",
        /// The assessor's own judgement, with their name on the sheet.
        Judgement = "judgement",
    }
}

wire_names! {
    /// Whose vehicle it is.
    pub enum VehicleRole {
        /// The insured vehicle.
        Own = "own",
        /// Somebody else's.
        ThirdParty = "third_party",
    }
}

wire_names! {
    /// What kind of accident it was.
    pub enum AccidentType {
        /// One vehicle alone.
        SingleVehicle = "single_vehicle",
        /// Two vehicles.
        TwoVehicle = "two_vehicle",
        /// Three or more vehicles.
        MultiVehicle = "multi_vehicle",
        /// A person was hit.
        Pedestrian = "pedestrian",
        /// Glass only.
        Glass = "glass",
        /// Scratches only.
        Scratch = "scratch",
        /// Theft.
        Theft = "theft",
        /// Water.
        Flood = "flood",
        /// Fire.
        Fire = "fire",
        /// Anything else.
        Other = "other",
    }
}

wire_names! {
    /// Weather at the scene.
    pub enum Weather {
        /// Clear.
        Clear = "clear",
        /// Overcast.
        Cloudy = "cloudy",
        /// Rain.
        Rain = "rain",
        /// Snow or ice.
        Snow = "snow",
        /// Fog.
        Fog = "fog",
        /// Anything else.
        Other = "other",
    }
}

wire_names! {
    /// Road at the scene.
    pub enum Road {
        /// Town street.
        Urban = "urban",
        /// Motorway.
        Motorway = "motorway",
        /// Country road.
        Rural = "rural",
        /// Car park.
        Parking = "parking",
        /// Anything else.
        Other = "other",
    }
}

wire_names! {
    /// What a proposed liability rests on.
    pub enum LiabilityBasis {
        /// The police said so.
        Police = "police",
        /// The parties agreed.
        Parties = "parties",
        /// The surveyor's own judgement.
        Surveyor = "surveyor",
        /// A court or mediator said so.
        Court = "court",
    }
}

wire_names! {
    /// Side or end of a vehicle.
    pub enum Impact {
        /// Front.
        Front = "front",
        /// Front left.
        FrontLeft = "front_left",
        /// Front right.
        FrontRight = "front_right",
        /// Left.
        Left = "left",
        /// Right.
        Right = "right",
        /// Rear.
        Rear = "rear",
        /// Rear left.
        RearLeft = "rear_left",
        /// Rear right.
        RearRight = "rear_right",
        /// Roof.
        Top = "top",
        /// Underbody.
        Under = "under",
    }
}

wire_names! {
    /// State of a checklist item.
    pub enum CheckState {
        /// Not yet done.
        Open = "open",
        /// Done.
        Done = "done",
        /// Does not apply here.
        NotApplicable = "not_applicable",
    }
}

macro_rules! fields_hold {
    ($($name:ident),*) => {$(
        impl From<$name> for Scalar {
            fn from(code: $name) -> Self {
                Self::Str(code.as_str().to_owned())
            }
        }

        impl Leaf for Option<$name> {
            fn from_leaf(found: Found) -> Option<Self> {
                match found {
                    Found::Absent => Some(None),
                    Found::Str(code) => code.parse().ok().map(Some),
                    _ => None,
                }
            }
            fn is_unset(&self) -> bool {
                self.is_none()
            }
        }
    )*};
}

fields_hold!(
    AccidentType,
    CheckState,
    Cover,
    Impact,
    LaborType,
    LiabilityBasis,
    LineKind,
    PartSource,
    PriceBasis,
    Road,
    SalvageKeeper,
    VehicleRole,
    Weather
);
