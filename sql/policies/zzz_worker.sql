grant usage on schema vigil to vigil_worker;
